// The visitor's own pictures as a data set: what they train on, and the buttons that choose it.
import { $, button, byId, gallery, gradio, make, t } from './context.js';

const line = make('p', 'u-train-line');
const text = make('span');
const photos = button('u-train', t('train_photos'), () => gradio.trigger('own', { source: 'photos' }));
const clip = button('u-train', t('train_clip'), () => byId('u-train-clip').click());
const back = button('u-train', t('train_data'), () => gradio.trigger('own', { source: 'data' }));

/** Shows what is trained on; `own` is how the server describes the visitor's own pictures, if there are any. */
export function showOwn(own) {
  line.toggleAttribute('data-chosen', own.chosen);
  text.textContent = own.chosen ? t('train_line', { line: own.line }) : '';
  back.hidden = !own.chosen;
  $('.u-strip').toggleAttribute('data-own', Boolean(own.line));
}

/** Offers to train on photos once there are some. */
export function offerPhotos() {
  photos.hidden = !gallery.photos.length;
}

export function mount() {
  photos.hidden = true;
  back.hidden = true;
  line.append(text, back, photos, clip);
  $('.u-strip header').after(line);
}
