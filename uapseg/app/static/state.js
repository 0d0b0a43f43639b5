// What the page shows, as plain objects that its parts share.

/** The run as the server last reported it, and the state of polling. */
export const poll = {
  token: null,
  seq: -1,
  frame: -1,
  ownVersion: -1,
  turn: -1,
  status: '',
  imageGradients: 0,
  failures: 0,
  loop: 0,
  lag: 0,
  slow: false,
  rate: 0,
  mark: null,
};

/** The pictures that are shown, as images; `frames` counts those of the perturbation. */
export const shown = {
  clean: null,
  cleanLabels: null,
  after: null,
  labels: null,
  perturbation: null,
  difference: null,
  confidence: null,
  target: null,
  scene: null,
  width: 0,
  height: 0,
  frames: 0,
};

/** How before and after are compared in each view. */
export const modes = { photo: 'wipe', prediction: 'labels', perturbation: 'amplified', factor: 10 };

/** What is viewed where it is not simply the newest frame: an earlier point of the run, another strength. */
export const history = { point: null, strength: 1, shownPoint: null, shownStrength: 1, busy: false, again: false };

/**
 * The figures; `updates` counts how often they came, `measuredAt` the image-gradients at which they were measured.
 * `viewed` are those of an earlier point or of another strength while that is viewed, without scores as long as they
 * are being measured.
 */
export const metrics = {
  heading: {},
  plain: '',
  groups: null,
  viewed: null,
  shares: [],
  scores: null,
  baselines: {},
  curve: [],
  changes: [],
  historyPoints: [],
  intervals: [],
  intervalScore: '',
  total: 0,
  measuredAt: null,
  pictures: null,
  here: '',
  success: null,
  strengths: null,
  updates: 0,
};

/** The pictures below: which tab, and the prediction for each. */
export const gallery = {
  tab: 'held_out',
  each: null,
  thumbs: null,
  live: {},
  photos: [],
  own: null,
  stretch: false,
  openingUntil: 0,
};

export const painting = { on: false, allowed: false, tool: 'view', number: 0 };
export const camera = { stream: null, recording: false, ended: false, frames: 0 };
export const recorded = { frames: null, playing: false, enabled: true, imageGradients: null };

/** Whether the newest frame of the run is what is shown. */
export const isLive = () => history.point == null && history.strength === 1 && !camera.stream;

/** What a frame is to be: as the views are set. */
export function frameOptions() {
  const resting = ['paused', 'done'].includes(poll.status);
  return {
    slow: poll.slow,
    strength: history.strength,
    factor: modes.photo === 'difference' ? modes.factor : 0,
    stretch: gallery.stretch,
    spectrum: modes.perturbation === 'spectrum',
    confidence: modes.prediction === 'confidence' || resting,
  };
}
