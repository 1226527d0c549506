// Opens the gateway's checkout in the page, and counts the time down. Without it a form does the same.
// @ts-check

const WARN_AT = 120_000;

/** @param {HTMLFormElement} form @param {HTMLFormElement} handBack */
function openInPage(form, handBack) {
  form.addEventListener("submit", (event) => {
    // @ts-ignore - the gateway's own script defines it; when it is missing, the form is sent.
    const Razorpay = window.Razorpay;
    if (!Razorpay) return;
    event.preventDefault();
    const button = form.querySelector("button");
    const words = button?.textContent ?? "";
    const given = Object.fromEntries(new FormData(form));
    const unlock = () => {
      if (button) {
        button.removeAttribute("aria-disabled");
        button.textContent = words;
      }
    };
    if (button?.getAttribute("aria-disabled") === "true") return;
    if (button) {
      button.setAttribute("aria-disabled", "true");
      button.textContent = button.dataset.progress ?? words;
    }
    /** @param {Record<string, string>} fields */
    const send = (fields) => {
      for (const [name, value] of Object.entries(fields)) {
        const input = document.createElement("input");
        Object.assign(input, { type: "hidden", name, value: String(value) });
        handBack.append(input);
      }
      handBack.submit();
    };
    let failed = false;
    const checkout = new Razorpay({
      key: given.key_id,
      order_id: given.order_id,
      amount: given.amount,
      currency: given.currency,
      name: given.name,
      description: given.description,
      prefill: {
        name: given["prefill[name]"],
        email: given["prefill[email]"],
        contact: given["prefill[contact]"],
      },
      handler: send,
      modal: {
        ondismiss: () => {
          unlock();
          if (failed) send({ "error[code]": "closed" });
        },
      },
    });
    checkout.on("payment.failed", () => {
      failed = true;
    });
    checkout.open();
  });

  // Straight from the confirmation: no third click. Coming back to this page opens nothing.
  const here = new URL(location.href);
  if (here.searchParams.has("now")) {
    here.searchParams.delete("now");
    history.replaceState(null, "", here);
    form.requestSubmit();
  }
}

/** @param {HTMLElement} clock @param {Element | null} status */
function countDown(clock, status) {
  const ends = Date.parse(clock.dataset.ends ?? "");
  if (Number.isNaN(ends)) return;
  let warned = false;
  const show = () => {
    const left = ends - Date.now();
    if (left <= 0) {
      location.reload();
      return;
    }
    const minutes = Math.floor(left / 60_000);
    const seconds = String(Math.floor(left / 1000) % 60).padStart(2, "0");
    clock.textContent = (clock.dataset.words ?? "").replace("%(minutes)s", `${minutes}:${seconds}`);
    if (left < WARN_AT && !warned && status) {
      warned = true;
      status.textContent = clock.dataset.warning ?? "";
    }
    setTimeout(show, 1000);
  };
  show();
}

const form = document.querySelector("form[data-gateway]");
const handBack = document.querySelector("form[data-hand-back]");
if (form instanceof HTMLFormElement && handBack instanceof HTMLFormElement) {
  openInPage(form, handBack);
}
const clock = document.querySelector("[data-ends]");
if (clock instanceof HTMLElement) countDown(clock, document.querySelector("[data-clock-status]"));
