// A form that is on its way cannot be sent again: its buttons rest until the answer has come. They are put to rest
// after the browser has read the form, so that the button that was pressed still says so.
addEventListener("submit", (event) => {
  const buttons = event.target.querySelectorAll("button");
  setTimeout(() => {
    for (const button of buttons) button.disabled = true;
    event.target.setAttribute("aria-busy", "true");
  });
});
// Coming back with the browser's own button shows the page as it was left.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[aria-busy]")) {
    form.removeAttribute("aria-busy");
    for (const button of form.querySelectorAll("button")) button.disabled = false;
  }
});
