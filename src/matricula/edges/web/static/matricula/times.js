// Moments on the reader's own clock, with the name of its zone. Without this script they stand there
// in the zone of the installation; afterwards that is what a pointer at rest shows.
// @ts-check

// As the server writes: English is that of India, and digits are Latin (kernel/words.py).
const LOCALES = /** @type {Record<string, string>} */ ({ en: "en-IN", hi: "hi-IN" });

/** @type {WeakMap<Element, string>} */
const written = new WeakMap();

/** @param {string} language */
function formats(language) {
  const locale = LOCALES[language] ?? language;
  const digits = { numberingSystem: "latn" };
  return {
    day: new Intl.DateTimeFormat(locale, { ...digits, dateStyle: "long" }),
    time: new Intl.DateTimeFormat(locale, {
      ...digits,
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
      timeZoneName: "short",
    }),
  };
}

/** @param {HTMLElement} root */
function begin(root) {
  const { day, time } = formats(root.lang);
  const comma = root.lang === "ar" ? "، " : ", ";

  function write() {
    for (const element of document.querySelectorAll("time[data-moment]")) {
      const text = element.textContent ?? "";
      const at = new Date(element.getAttribute("datetime") ?? "");
      if (written.get(element) === text || Number.isNaN(at.valueOf())) continue;
      const here = day.format(at) + comma + time.format(at);
      written.set(element, here);
      if (here === text) continue;
      element.setAttribute("title", text);
      element.textContent = here;
    }
  }

  write();
  // Live pages put the server's words back in, and others arrive.
  new MutationObserver(write).observe(document.body, {
    childList: true,
    characterData: true,
    subtree: true,
  });
}

// A language that the browser does not know, or no languages at all: the server's words stay.
if (globalThis.Intl && Intl.DateTimeFormat.supportedLocalesOf(document.documentElement.lang).length) {
  begin(document.documentElement);
}
