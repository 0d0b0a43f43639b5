"""What a visitor meets first: a recorded run, ready noises, the story; and whether everybody can reach it all."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser import LEFT, RIGHT, Site, boxes, chromium, ready, resize, site, state, until
from tests.hands import pause, start
from tests.reach import findings, focus_stops
from tests.small_world import small_world, stocked

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("shelf")
    with (
        small_world() as workspaces,
        stocked(workspaces, folder),
        chromium() as browser,
        site(browser, workspaces) as served,
    ):
        yield served


@pytest.fixture
def served(opened: Site) -> Iterator[Site]:
    yield opened
    opened.leave()


def test_a_recorded_run_plays_until_the_visitor_begins(served: Site):
    tab = served.visit()
    until(tab, "s.recorded > 0")
    expect(tab.locator(".u-recorded")).to_contain_text("A recorded run")
    expect(tab.locator(".u-first b")).to_have_text("100")
    caption = "document.querySelector('[data-k=caption]').textContent"
    until(tab, f"{caption} === 'the ending' && s.curve.length === 1")  # after the run comes another perturbation
    expect(tab.locator("[data-k=caption]")).to_have_text("recorded")
    assert served.run(tab).status == "idle"
    tab.locator("#u-word input, #u-word textarea").fill("ox")
    expect(tab.locator(".u-recorded")).to_be_hidden()
    expect(tab.locator(".u-first p")).to_have_attribute("data-none", "")
    expect(tab.locator("[data-k=caption]")).to_contain_text("ox")


def test_what_says_that_a_run_was_recorded_does_not_cover_the_sentence(served: Site):
    tab = served.visit(viewport={"width": 1024, "height": 768})
    tab.wait_for_selector(".u-recorded:not([hidden])")
    spans = """() => {
        const range = document.createRange();
        range.selectNodeContents(document.querySelector(".u-line"));
        return [...range.getClientRects()].map(box => [box.right, box.top]) }"""
    left, bottom = tab.locator(".u-recorded").evaluate(
        "e => [e.getBoundingClientRect().left, e.getBoundingClientRect().bottom]"
    )
    assert all(right <= left or top >= bottom for right, top in tab.evaluate(spans))


def test_the_camera_takes_the_place_of_the_recorded_run(served: Site):
    tab = served.visit()
    until(tab, "s.recorded > 0")
    tab.get_by_role("tab", name="Pictures it was not").click()
    expect(tab.locator(".u-thumb b").first).to_have_text("100 %")
    tab.get_by_role("button", name="Webcam", exact=True).click()
    expect(tab.locator(".u-recorded")).to_be_hidden()
    expect(tab.locator(".u-thumb b").first).to_be_hidden()
    until(tab, "s.cameraFrames > 2")
    expect(tab.locator("[data-view=photo] figcaption b")).to_have_text("Webcam")
    expect(tab.locator(".u-own")).to_be_hidden()


def test_of_three_visitors_each_runs_waits_or_watches_the_recorded_run_and_sees_no_other(served: Site):
    tabs = [served.visit() for _ in range(3)]
    for tab, word in zip(tabs, ("one", "two", "three"), strict=True):
        until(tab, "s.recorded > 0")
        tab.evaluate(KEEP_CAPTIONS)
        if word != "three":
            begin(tab, word)
    first, second, third = tabs
    until(first, "s.status === 'running' && s.frames > 3")
    expect(second.locator("[data-k=state]")).to_have_text("next in the queue")
    expect(second.locator(".u-first p")).to_have_attribute("data-none", "")  # nothing of the first one's
    before = state(third, "s.frames")
    until(third, f"s.status === 'idle' && s.recorded > 0 && s.frames > {before}")
    begin(third, "three")
    expect(third.locator("[data-k=state]")).to_have_text("place 2 in the queue")
    expect(third.locator(".u-recorded")).to_be_hidden()
    pause(first)
    until(second, "s.status === 'running' && s.scores && s.imageGradients > 0")
    expect(third.locator("[data-k=state]")).to_have_text("next in the queue")
    pause(second)
    until(third, "s.status === 'running' && s.imageGradients > 0")
    assert len({served.run(tab).token for tab in tabs}) == 3
    for tab, word in zip(tabs, ("one", "two", "three"), strict=True):
        assert served.run(tab).plan.target.caption == word
        shown = tab.evaluate("() => window.captions.filter(caption => caption.startsWith('“'))")
        assert {caption.split("”")[0] for caption in shown} <= {"“foo", f"“{word}"}
    pause(third)


KEEP_CAPTIONS = """() => {
    const node = document.querySelector('[data-k=caption]');
    window.captions = [];
    new MutationObserver(() => captions.push(node.textContent)).observe(node, { childList: true, subtree: true });
}"""
"""Writes down all that the page says a run is for."""


OPACITY = """node => Promise.all(node.getAnimations().map(animation => animation.finished))
    .then(() => getComputedStyle(node).opacity)"""
"""What a node comes to once its transitions have ended."""


def begin(tab: Page, word: str) -> None:
    tab.locator("#u-word input, #u-word textarea").fill(word)
    expect(tab.locator("[data-k=caption]")).to_contain_text(f"“{word}”")
    start(tab, 20_000)


def test_a_ready_noise_is_loaded_with_one_press_and_goes_on(served: Site):
    tab = served.visit()
    tab.get_by_role("tab", name="Examples").click()
    card = tab.locator(".u-thumb").first
    card.hover()
    expect(tab.locator(".u-strip h3")).to_contain_text("On 64 test pictures 100 % of the letters seen as light")
    expect(card.locator("em")).to_have_text("o")
    assert card.locator(".prediction").evaluate(OPACITY) == "1"  # both pictures stay under the pointer
    until(tab, "s.recorded > 0")
    card.click()
    assert tab.locator(".u-recorded").is_hidden()  # at once
    expect(tab.locator("[data-k=plain]")).to_have_text(re.compile("measuring|Unseen"))
    expect(tab.locator("[data-k=state]")).to_have_text("measured here: 100 %, as the file says")
    expect(tab.locator(".u-first b")).to_have_text("100")
    expect(tab.locator("#u-start")).to_have_text("Resume")


def test_on_a_phone_an_example_says_what_it_does_and_one_press_shows_it(served: Site):
    tab = served.visit(is_mobile=True, has_touch=True, viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    card = tab.locator(".u-thumb").first
    expect(card.locator("em")).to_have_text("o")
    card.scroll_into_view_if_needed()
    for picture in card.locator("img").all():
        box = picture.bounding_box()
        assert box
        assert box["width"] > 100
    card.tap()
    place = boxes(tab, LEFT)[LEFT]
    assert 0 <= place[1] < place[3] <= 844
    expect(tab.locator("[data-k=caption]")).to_have_text("“o” in light on dark, epsilon 10")
    expect(tab.locator(".u-first b")).to_have_text("100")


def test_the_story_goes_through_five_guesses_and_shows_no_answer_before_its_question(served: Site):
    tab = served.visit()
    tab.click("#u-tour")
    story, prediction = tab.locator(".u-story"), tab.locator("[data-view=prediction] .u-fit")
    titles = ("What the network does", "One perturbation", "What the network sees", "Hide", "A defence to try")
    for number, title in enumerate(titles, 1):
        expect(story).to_contain_text(f"{number} of 5")
        expect(story.locator(".u-title")).to_contain_text(title)
        expect(story.locator(".u-solid")).to_have_count(0)  # guess first
        expect(prediction).to_be_visible(visible=number in {1, 5})
        for concealed in ("[data-k=caption]", ".u-figures", ".u-names", ".u-thumbs", "[data-view=target] .u-fit"):
            expect(tab.locator(concealed)).to_be_visible(visible=number == 5)
        story.locator(".u-answers button").nth(2).click()
        expect(story.locator(".u-reveal")).to_be_visible()
        if number == 3:
            expect(story.locator(".u-reveal")).to_contain_text("this perturbation 100 %")
            until(tab, "s.strength === 1 && s.scores?.region_success > 0.9")
        if number == 5:
            measured = re.compile(r"On 12 .*, \d+ % of their .*, \d+ % after it")
            expect(story.locator(".u-reveal")).to_contain_text(measured)
            expect(tab.locator("[data-k=plain]")).to_have_text("with the defence JPEG 75")
        expect(prediction).to_be_visible(visible=number != 2)
        story.locator(".u-solid").click()
    expect(story).to_be_hidden()
    expect(tab.locator("#u-start")).to_be_focused()
    expect(tab.locator("#u-start")).to_have_text("Start")
    expect(tab.locator("#u-goal [value=static]")).to_be_checked()


def test_after_the_story_ones_own_run_is_there_again(served: Site):
    tab = served.visit()
    begin(tab, "mine")
    until(tab, "s.status === 'running' && s.scores && s.imageGradients > 0")
    tab.click("#u-tour")
    for _ in range(2):
        tab.locator(".u-answers button").first.click()
        tab.locator(".u-story .u-solid").click()
    expect(tab.locator(".u-story")).to_contain_text("3 of 5")
    expect(tab.locator(".u-answers")).to_be_visible()
    tab.keyboard.press("Escape")
    expect(tab.locator("[data-k=caption]")).to_contain_text("“mine”")
    expect(tab.locator("#u-start")).to_have_text("Resume")
    assert served.run(tab).plan.target.caption == "mine"


STORY_SIZES = ((390, 844), (844, 390), (1024, 768), (1280, 720), (1440, 900), (2560, 1440))


def test_the_story_can_be_left_at_any_time(served: Site):
    tab = served.visit()
    tab.click("#u-tour")
    tab.locator(".u-answers").wait_for()
    for width, height in STORY_SIZES:
        resize(tab, width, height)
        found = boxes(tab, ".u-story", LEFT, RIGHT)
        left, top, right, bottom = found[".u-story"]
        assert left >= 0
        assert bottom <= height
        for picture in (found[LEFT], found[RIGHT]):
            assert right <= picture[0] or picture[2] <= left or picture[3] <= top, (width, height)
    tab.locator(".u-story").get_by_role("button", name="Leave").focus()
    tab.keyboard.press("Escape")
    expect(tab.locator(".u-story")).to_be_hidden()


def test_axe_finds_nothing_in_any_theme_before_a_run_and_no_focus_ring_is_cut_off(served: Site):
    tab = served.visit(reduced_motion="reduce")
    until(tab, "s.recorded > 0")
    found = {"opening": findings(tab), "rings at first": cut_rings(tab)}
    tab.click("#u-tour")
    expect(tab.locator(".u-answers")).to_be_visible()
    found["story"] = findings(tab)
    tab.keyboard.press("Escape")
    tab.locator("#u-source label", has_text="Draw").click()
    tab.wait_for_selector(".u-tools:visible")
    found["drawing"] = findings(tab)
    for goal in ("Swap", "Break all", "Hide"):
        tab.locator("#u-goal label", has_text=goal).click()
        found[goal] = findings(tab)
    tab.locator("#u-more button").click()
    tab.click("#u-kind input")
    found["lists and More"] = findings(tab)
    tab.keyboard.press("Escape")
    tab.locator("#u-hide label.selected").first.click()
    tab.click("#u-start")  # refused, as no class is chosen
    tab.click("#u-link")
    for kind in ("error", "info"):
        expect(tab.locator(f".toast-body.{kind}")).to_be_visible()
    found["messages"] = findings(tab)
    assert {state: each for state, each in found.items() if each} == {}


def test_axe_finds_nothing_in_any_theme_during_and_after_a_run(served: Site):
    tab = served.visit(reduced_motion="reduce")
    found = {}
    tab.locator("#u-goal label", has_text="Hide").click()
    start(tab, 20_000)
    until(tab, "s.status === 'running' && s.scores && s.imageGradients > 0")
    found["running"] = findings(tab)
    pause(tab)
    tab.get_by_role("tab", name="Trade-off").click()
    found["paused"] = findings(tab)
    start(tab, 50)
    until(tab, "s.status === 'done'")
    found["finished"] = findings(tab)
    tab.get_by_role("button", name="Webcam", exact=True).click()
    tab.locator(".u-record").click()
    until(tab, "s.cameraFrames > 1")
    found["camera"] = findings(tab)
    tab.get_by_role("button", name="Webcam off").click()
    tab.evaluate("() => document.activeElement.blur()")
    tab.keyboard.press("f")
    found["present"] = findings(tab)
    tab.keyboard.press("g")
    found["twelve pictures"] = findings(tab)
    tab.keyboard.press("g")
    tab.keyboard.press("w")
    found["asking for a word"] = findings(tab)
    tab.keyboard.press("Escape")
    tab.evaluate("() => document.activeElement.blur()")
    tab.keyboard.press("1")
    expect(tab.locator("[data-k=caption]")).to_contain_text("“o”")
    until(tab, "s.status === 'paused' && s.scores")
    tab.evaluate("() => document.activeElement.blur()")
    tab.keyboard.press("Escape")
    tab.get_by_role("tab", name="Your runs").click()
    expect(tab.locator(".u-strip h3")).to_contain_text("only from this visit")
    tab.locator(".u-thumb").first.click()
    tab.locator(".u-pair img").first.wait_for()
    found["two runs"] = findings(tab)
    tab.get_by_role("tab", name="Your photos").click()
    found["no photos yet"] = findings(tab)
    found["rings at the end"] = cut_rings(tab)
    assert {state: each for state, each in found.items() if each} == {}


def cut_rings(tab: Page) -> list[tuple[str, str]]:
    stops = focus_stops(tab)
    assert len(stops) > 20
    return [stop for stop in stops if stop[1]]


def test_the_page_asks_again_where_its_first_event_fails(served: Site, monkeypatch: pytest.MonkeyPatch):
    find, failures = served.runs.find, list[object]()

    def fail_once(token: object) -> object:
        if not failures:
            failures.append(token)
            raise OSError
        return find(token)

    monkeypatch.setattr(served.runs, "find", fail_once)
    served.visit()
    assert failures


def test_a_link_to_an_example_opens_it_but_not_after_a_reload(served: Site):
    tab = served.visit()
    tab.get_by_role("tab", name="Examples").click()
    tab.locator(".u-thumb").first.click()
    until(tab, "s.status === 'paused'")
    tab.click("#u-link")
    tab.wait_for_url("**/?example=o")
    expect(tab.locator(".toast-body")).to_contain_text("opens the example o")
    other = served.visit(path="?example=o")
    until(other, "s.status === 'paused'")
    run = served.run(other)
    assert run.current_example.name == "o"
    expect(other.locator(".u-recorded")).to_be_hidden()
    run.opened_example = None
    other.reload()
    ready(other)
    expect(other.locator(".u-first b")).to_have_text("100")
    assert served.run(other) is run
    assert run.current_example is None
