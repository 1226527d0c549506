// The enroll button for other sites. One script tag, then as many elements as you like:
//   <script src="https://SITE/embed/v1/embed.js" async></script>
//   <matricula-enroll course="SLUG"><a href="https://SITE/courses/SLUG/">Enroll</a></matricula-enroll>
// What stands inside the element is shown until the button is there, without scripts, and when the
// site cannot be reached. No cookie is sent or set. Version 1 only ever grows. See /embed/.
// @ts-check
(() => {
  const script = document.currentScript;
  if (!(script instanceof HTMLScriptElement) || customElements.get("matricula-enroll")) return;
  const SITE = new URL(script.src).origin;
  const MOST_COURSES = 50;
  // Everybody who looks at a course hears at the same moment that it is full.
  const SPREAD = 5000;
  const PATIENCE = 30_000;

  /** @typedef {{ course_id: string, title: string, state: string, label: string, url: string,
   *   price: string, regular_price: string, seats_left: number | null, seats: string,
   *   seat_words: Record<string, string>, language: string, direction: string }} Button */

  // A style sheet made by a script needs no leave of the page's Content-Security-Policy.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { display: inline-block; color-scheme: light dark;
      --m-accent: var(--matricula-accent, light-dark(#14604a, #86d3b4));
      --m-on-accent: var(--matricula-on-accent, light-dark(#fff, #0d231b)) }
    :host([theme="light"]) { color-scheme: light }
    :host([theme="dark"]) { color-scheme: dark }
    :host([hidden]) { display: none }
    .box { display: inline-flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem;
      padding: .75rem; border: 1px solid light-dark(#8b8577, #7f7b70); border-radius: 8px;
      background: light-dark(#fffefb, #1f1f1c); color: light-dark(#1d1c19, #edeae2);
      font: 1rem/1.4 system-ui, sans-serif; font-variant-numeric: tabular-nums }
    .words { display: grid }
    .price { font-weight: 650 }
    s, .seats { color: light-dark(#5d5950, #aaa598); font-size: .875rem; font-weight: 400 }
    .low { color: light-dark(#8a4b08, #e5ae6c); font-weight: 600 }
    .refused { display: block; font: .875rem/1.4 system-ui, sans-serif }
    a:not(.site) { display: inline-flex; align-items: center; min-height: 48px; box-sizing: border-box;
      padding: .6rem 1.4rem; border: 1px solid var(--m-accent); border-radius: 6px;
      background: var(--m-accent); color: var(--m-on-accent); font-weight: 600;
      text-decoration: none }
    .site { color: inherit }
    a:hover { text-decoration: underline }
    a:focus-visible { outline: 3px solid var(--m-accent); outline-offset: 2px }
    .closed { background: none; border: 1px dashed light-dark(#8b8577, #7f7b70); color: inherit }`);

  /** @param {string} name @param {string} part @param {Node[]} inside */
  function make(name, part, ...inside) {
    const made = document.createElement(name);
    made.className = part;
    made.setAttribute("part", part);
    made.append(...inside);
    return made;
  }

  class MatriculaEnroll extends HTMLElement {
    static observedAttributes = ["course", "lang"];

    /** @type {Button | null} */
    #button = null;
    #asked = 0;
    #isDue = false;
    #root = this.attachShadow({ mode: "open" });
    #seats = make("span", "seats");

    connectedCallback() {
      this.#root.adoptedStyleSheets = [sheet];
      if (!this.#button) this.#root.replaceChildren(document.createElement("slot"));
      elements.add(this);
      this.#askSoon();
    }

    disconnectedCallback() {
      elements.delete(this);
      follow();
    }

    attributeChangedCallback() {
      if (this.isConnected) this.#askSoon();
    }

    /** Several attributes that change together are one question. */
    #askSoon() {
      if (this.#isDue) return;
      this.#isDue = true;
      queueMicrotask(() => {
        this.#isDue = false;
        this.ask();
      });
    }

    get courseId() {
      return this.#button?.course_id ?? "";
    }

    /** Reads the button anew. Whatever goes wrong, what stands there stays; where no button stands
     * yet, a line says why. */
    async ask() {
      const course = this.getAttribute("course") ?? "";
      const number = (this.#asked += 1);
      const speaks = this.closest("[lang]")?.getAttribute("lang") || navigator.language;
      const query = new URLSearchParams({ language: speaks.slice(0, 35) });
      const address = `${SITE}/api/v1/courses/${encodeURIComponent(course)}/button?${query}`;
      try {
        const answer = await fetch(address, { credentials: "omit" });
        const found = await answer.json();
        if (number !== this.#asked) return;
        if (answer.ok) this.#show(found);
        else {
          console.warn(`matricula-enroll ${course}: ${found.detail}`);
          this.#refuse(found.detail);
        }
      } catch {
        console.warn(`matricula-enroll ${course}: ${SITE} cannot be reached`);
      }
      follow();
    }

    /** A wrong course, or a site that may not show it. @param {string} detail */
    #refuse(detail) {
      if (this.#button) return;
      const link = make("a", "site", new Text(new URL(SITE).host));
      link.setAttribute("href", SITE);
      link.setAttribute("target", "_top");
      const why = make("span", "refused", new Text(`${detail} `), link);
      this.#root.replaceChildren(document.createElement("slot"), why);
    }

    /** @param {Button} button */
    #show(button) {
      if (new URL(button.url).origin !== SITE) return;
      this.#button = button;
      this.dataset.state = button.state;
      const isOpen = button.state === "login_required";
      const link = make("a", isOpen ? "button" : "button closed", new Text(button.label));
      link.setAttribute("href", button.url);
      link.setAttribute("target", "_top"); // our pages stand in no frame
      link.setAttribute("aria-label", `${button.label}: ${button.title}`);
      const price = make("span", "price", new Text(`${button.price} `));
      if (button.regular_price) price.append(make("s", "regular", new Text(button.regular_price)));
      const box = make("div", "box", make("span", "words", price, this.#seats), link);
      box.setAttribute("lang", button.language);
      box.setAttribute("dir", button.direction);
      this.#put(button.seats, button.seats_left);
      const wasHere = this.#root.activeElement?.localName === "a";
      this.#root.replaceChildren(box);
      if (wasHere) link.focus();
    }

    /** @param {{ seats_left: number | null, state: string }} seats */
    take({ seats_left: left, state }) {
      const button = this.#button;
      if (!button) return;
      if (state !== button.state) {
        button.state = state; // asked for once
        setTimeout(() => this.ask(), Math.random() * SPREAD);
      }
      if (left === null || !button.seats) return;
      const category = left === 0 ? "none" : new Intl.PluralRules(button.language).select(left);
      const said = button.seat_words[category] ?? button.seat_words.other;
      this.#put(said.replace("%(count)d", String(left)), left);
    }

    /** @param {string} words @param {number | null} left */
    #put(words, left) {
      const low = Number(this.#button?.seat_words.low);
      this.#seats.textContent = words;
      this.#seats.classList.toggle("low", left !== null && left > 0 && left <= low);
    }
  }

  /** @type {Set<MatriculaEnroll>} */
  const elements = new Set();
  /** @type {EventSource | null} */
  let stream = null;
  let listening = "";
  let timer = 0;

  /** One stream for all buttons of the page, while it can be seen. */
  function follow() {
    const known = new Set([...elements].map((element) => element.courseId));
    known.delete("");
    const courses = document.hidden ? [] : [...known].sort().slice(0, MOST_COURSES);
    const asked = new URLSearchParams(courses.map((id) => ["course", id])).toString();
    if (asked === listening) return;
    listening = asked;
    clearTimeout(timer);
    stream?.close();
    stream = asked ? new EventSource(`${SITE}/api/v1/seats/events?${asked}`) : null;
    stream?.addEventListener("message", ({ data }) => {
      const seats = JSON.parse(data);
      for (const element of elements) {
        if (element.courseId === seats.course_id) element.take(seats);
      }
    });
    stream?.addEventListener("error", () => {
      if (stream?.readyState !== EventSource.CLOSED) return; // it tries again by itself
      listening = "";
      timer = setTimeout(follow, PATIENCE * (1 + Math.random()));
    });
  }

  document.addEventListener("visibilitychange", follow);
  addEventListener("pagehide", () => {
    stream?.close();
    listening = "";
  });
  addEventListener("pageshow", (event) => event.persisted && follow());
  customElements.define("matricula-enroll", MatriculaEnroll);
})();
