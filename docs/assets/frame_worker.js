// The search runs in a worker. Browsers start none for a page that was opened as a file: there, a hidden frame runs it.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      this.inner = new Promise((resolve) => {
        frame.addEventListener("load", () => {
          const inner = frame.contentWindow
          inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }))
          const script = inner.document.createElement("script")
          script.addEventListener("load", () => resolve(inner))
          script.src = url
          inner.document.body.append(script)
        }, { once: true })
      })
      document.documentElement.append(frame)
    }

    postMessage(data) {
      this.inner.then((inner) => inner.dispatchEvent(new inner.MessageEvent("message", { data })))
    }

    terminate() {}
  }
}
