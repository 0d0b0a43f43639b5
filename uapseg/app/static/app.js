// Adds the parts of the page's stage, from the lowest to the highest. context.js is connected before.
import * as accessibility from './accessibility.js';
import * as camera from './camera.js';
import * as caption from './caption.js';
import * as compare from './compare.js';
import * as gallery from './gallery.js';
import * as history from './history.js';
import * as legend from './legend.js';
import * as pointer from './pointer.js';
import * as poll from './poll.js';
import * as present from './present.js';
import * as program from './program.js';
import * as recorded from './recorded.js';
import * as runButtons from './run-buttons.js';
import * as story from './story.js';
import * as tiles from './tiles.js';
import * as uploads from './uploads.js';
import * as views from './views.js';

for (const part of [
  caption,
  runButtons,
  views,
  accessibility,
  compare,
  legend,
  pointer,
  uploads,
  gallery,
  camera,
  history,
  tiles,
  recorded,
  story,
  present,
  program,
  poll,
])
  part.mount();

// In a page that embeds this one, what surrounds pictures and controls is left out.
if (new URLSearchParams(location.search).has('embed')) document.documentElement.dataset.embed = '';
