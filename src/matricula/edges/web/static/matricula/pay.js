// Opens the gateway's checkout in the page. Without it a form does the same.
// @ts-check

const TIME_TO_STOP = 1500;

/** @param {HTMLFormElement} form @param {HTMLFormElement} handBack */
function openInPage(form, handBack) {
  const button = form.querySelector("button[type=submit]");
  const stop = form.querySelector("[data-stop]");
  if (!(button instanceof HTMLButtonElement) || !(stop instanceof HTMLButtonElement)) return;
  const words = button.textContent;
  let failed = false;
  const lock = () => {
    button.setAttribute("aria-disabled", "true");
    button.textContent = button.dataset.progress ?? words;
  };
  const unlock = () => {
    button.removeAttribute("aria-disabled");
    button.textContent = words;
  };
  /** @param {Record<string, string>} fields */
  const send = (fields) => {
    for (const [name, value] of Object.entries(fields)) {
      const input = document.createElement("input");
      Object.assign(input, { type: "hidden", name, value: String(value) });
      handBack.append(input);
    }
    handBack.submit();
  };

  form.addEventListener("submit", (event) => {
    if (button.getAttribute("aria-disabled") === "true") {
      event.preventDefault();
      return;
    }
    lock();
    // @ts-ignore - the gateway's own script defines it; when it is missing, the form is sent.
    const Razorpay = window.Razorpay;
    if (!Razorpay) return;
    event.preventDefault();
    const given = Object.fromEntries(new FormData(form));
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
          if (failed) {
            send({ "error[code]": "closed" });
            return;
          }
          delete document.documentElement.dataset.busy;
          unlock();
          button.focus();
        },
      },
    });
    checkout.on("payment.failed", () => {
      failed = true;
    });
    document.documentElement.dataset.busy = "checkout";
    checkout.open();
  });

  // Back by the browser's button shows the page as it was left: unlock it.
  window.addEventListener("pageshow", (event) => event.persisted && unlock());
  openSoon(form, stop, lock, unlock);
}

/**
 * Straight from the confirmation: no third click, but a moment to stop it. Coming back to this
 * page opens nothing.
 * @param {HTMLFormElement} form @param {HTMLButtonElement} stop
 * @param {() => void} lock @param {() => void} unlock
 */
function openSoon(form, stop, lock, unlock) {
  const here = new URL(location.href);
  if (!here.searchParams.has("now")) return;
  here.searchParams.delete("now");
  history.replaceState(null, "", here);
  lock();
  stop.hidden = false;
  const end = () => {
    clearTimeout(timer);
    unlock();
    stop.hidden = true;
  };
  const timer = setTimeout(() => {
    end();
    form.requestSubmit();
  }, TIME_TO_STOP);
  stop.addEventListener("click", () => {
    end();
    form.querySelector("button")?.focus();
  });
}

const form = document.querySelector("form[data-gateway]");
const handBack = document.querySelector("form[data-hand-back]");
if (form instanceof HTMLFormElement && handBack instanceof HTMLFormElement) {
  openInPage(form, handBack);
}
