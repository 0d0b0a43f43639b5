"""The guided story: five short steps for someone who has never heard of this, each with a guess first.

``do`` and ``then`` name what the stage shows before and after the guess: see ``story.js``, which also fills in the
names in braces.
"""

from typing import TypedDict


class TourStep(TypedDict):
    """A step of the tour.

    Attributes:
        title: Its heading.
        text: Its explanation.
        question: The question to the visitor.
        answers: The possible answers.
        right: The index of the right answer.
        shares: The share that each answer stands for, if a measurement decides which is right; otherwise empty.
        reveal: The text after the answer.
        do: The action of the page with the question.
        then: The action of the page after the answer.

    Example:
        >>> [step["title"] for step in TOUR][:2]
        ['What the network does', 'One perturbation']
    """

    title: str
    text: str
    question: str
    answers: list[str]
    right: int
    shares: list[float]
    reveal: str
    do: str
    then: str


TOUR: list[TourStep] = [
    {
        "title": "What the network does",
        "text": "It gives every pixel of a picture a class: road, sky, pedestrian. The second picture is its answer, "
        "in colours. Self-driving cars use such networks.",
        "question": "How many decisions does it take for this one picture?",
        "answers": ["{classes}, one a class", "about a thousand", "about {thousands} thousand"],
        "right": 2,
        "shares": [],
        "reveal": "One for each of {pixels} pixels. Point at the picture to read them.",
        "do": "clean",
        "then": "clean",
    },
    {
        "title": "One perturbation",
        "text": "The photo now carries a perturbation that changes no value by more than {epsilon} of 255 grey "
        "levels. It was trained once, and is the same for every picture.",
        "question": "Can you see it?",
        "answers": ["Clearly", "Only if I look closely", "Not at all"],
        "right": 1,
        "shares": [],
        "reveal": "A faint texture at most: the photo now blinks between before and after.",
        "do": "faint",
        "then": "blink",
    },
    {
        "title": "What the network sees now",
        "text": "The perturbation was trained so that the network answers what somebody chose.",
        "question": "What will the network see in the street?",
        "answers": ["The street, a little worse", "Random patches", "A word"],
        "right": 2,
        "shares": [],
        "reveal": "The word, and below also in pictures that were never trained on. Random noise of the same size "
        "reaches {noise} %, this perturbation {success} %.",
        "do": "guess",
        "then": "reveal",
    },
    {
        "title": "Hide the people",
        "text": "It does not have to be a word. This perturbation was trained to leave the street as it is, but "
        "without its people.",
        "question": "How much of the people does the network still find in pictures it was not trained on?",
        "answers": ["Almost all", "About half", "Almost nothing"],
        "right": 1,
        "shares": [0.95, 0.5, 0.05],
        "reveal": "{success} % of their pixels are gone. The second picture shows where the answer changed.",
        "do": "hide",
        "then": "changed",
    },
    {
        "title": "A defence to try",
        "text": "Anyone with access to a network can train such a perturbation and add it to a camera's images. One "
        "defence is to save each picture as JPEG before the network sees it.",
        "question": "How much of the effect is left after JPEG?",
        "answers": ["Almost all", "About half", "Almost nothing"],
        "right": 0,
        "shares": [0.95, 0.5, 0.05],
        "reveal": "On {pictures} of the pictures, {hidden} % of their pixels are gone without JPEG, {defended} % "
        "after it; the list above the second picture has more defences. A perturbation trained through JPEG survives "
        "more of it. What helps most is to train the network with such perturbations, as was done for street:robust "
        "in the list of networks. Choose it, press Start, and see how little a perturbation can do.",
        "do": "changed",
        "then": "defend",
    },
]

TOUR_WORDS = {
    "tour": "New to this? Five steps, with a guess in each",
    "of": "{number} of {count}",
    "guess": "Guess first",
    "wait": "Setting up the page …",
    "right": "Right.",
    "wrong": "Not quite.",
    "next": "Next",
    "finish": "Make your own",
    "leave": "Leave",
}
