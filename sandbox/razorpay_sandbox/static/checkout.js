// The checkout in the shop's page: a frame over it, and one message when it is done.
// Scripts and styles are set through the DOM only, so that a strict policy lets it work.
(() => {
  const origin = new URL(document.currentScript.src).origin;

  // An error as the fields of a form, like error[code]; what is nested, as JSON.
  const flat = (error) => Object.fromEntries(Object.entries(error ?? {}).map(([name, value]) => [
    `error[${name}]`, typeof value === "object" ? JSON.stringify(value) : String(value),
  ]));

  class Razorpay {
    constructor(options) {
      this.options = options;
      this.heard = {};
      this.onMessage = (event) => this.receive(event);
    }

    on(name, listener) {
      (this.heard[name] ??= []).push(listener);
      return this;
    }

    open() {
      const form = new URL("/v1/checkout/embedded", origin);
      const { key, order_id, name, description, prefill = {}, redirect, timeout } = this.options;
      const fields = {
        key_id: key, order_id, name, description, mode: "frame", opener: location.origin,
        redirect: redirect && "true", timeout,
        "prefill[name]": prefill.name, "prefill[email]": prefill.email,
        "prefill[contact]": prefill.contact,
      };
      for (const [field, value] of Object.entries(fields)) {
        if (value) form.searchParams.set(field, value);
      }
      this.frame = document.createElement("iframe");
      this.frame.src = form.href;
      this.frame.title = "Payment";
      this.frame.className = "razorpay-checkout-frame";
      Object.assign(this.frame.style, {
        position: "fixed", inset: "0", width: "100%", height: "100%", border: "0",
        zIndex: "2147483647", background: "rgba(0, 0, 0, 0.6)",
      });
      this.scroll = document.body.style.overflow;
      document.body.style.overflow = "hidden";
      addEventListener("message", this.onMessage);
      document.body.append(this.frame);
      this.frame.focus();
      if (timeout > 0) this.timer = setTimeout(() => this.dismiss("timeout"), timeout * 1000);
    }

    close() {
      clearTimeout(this.timer);
      removeEventListener("message", this.onMessage);
      this.frame?.remove();
      this.frame = null;
      document.body.style.overflow = this.scroll ?? "";
    }

    receive(event) {
      if (event.origin !== origin || event.source !== this.frame?.contentWindow) return;
      const { event: what, response, error, reason } = event.data ?? {};
      if (what === "failed") {
        for (const listener of this.heard["payment.failed"] ?? []) listener({ error });
        return;
      }
      if (what === "dismiss") {
        this.dismiss(reason);
        return;
      }
      this.close();
      if (what === "success") this.succeed(response);
      if (what === "failed_for_good") this.post(flat(error));
    }

    dismiss(reason) {
      if (!this.frame) return;
      this.close();
      this.options.modal?.ondismiss?.(reason);
    }

    succeed(response) {
      if (this.options.handler && !this.options.redirect) {
        this.options.handler(response);
        return;
      }
      this.post(response);
    }

    post(fields) {
      const form = document.createElement("form");
      form.method = "post";
      form.action = this.options.callback_url;
      for (const [name, value] of Object.entries(fields)) {
        const input = document.createElement("input");
        Object.assign(input, { type: "hidden", name, value });
        form.append(input);
      }
      document.body.append(form);
      form.submit();
    }
  }

  window.Razorpay = Razorpay;
})();
