// Looks at the page that it was put into, and tells the window around it what it saw.
(() => {
  const seen = { wrong: [] };
  const wrong = (what) => seen.wrong.push(what);
  const named = (element) => `<${element.localName} class="${element.getAttribute("class") ?? ""}"> ${element.textContent.trim().slice(0, 60)}`;
  addEventListener("securitypolicyviolation", (event) => wrong(`something from elsewhere: ${event.blockedURI}`));

  // Red, green, blue from 0 to 1, and how opaque it is.
  const parsed = (colour) => {
    const parts = colour.match(/[\d.]+/g)?.map(Number);
    if (!parts || !colour.startsWith("rgb")) throw new Error(`a colour that is not understood: ${colour}`);
    return { channels: parts.slice(0, 3).map((part) => part / 255), alpha: parts[3] ?? 1 };
  };
  const luminance = (channels) => {
    const [r, g, b] = channels.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const { channels, alpha } = parsed(getComputedStyle(at).backgroundColor);
      if (alpha === 1) return channels;
      if (alpha > 0) throw new Error(`half transparent: ${named(at)}`);
    }
    return [1, 1, 1];
  };
  const contrast = (element) => {
    const style = getComputedStyle(element);
    const colour = element instanceof SVGElement ? style.fill : style.color;
    const [light, dark] = [luminance(parsed(colour).channels), luminance(ground(element))].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const isShown = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && box.left >= 0 && box.right <= innerWidth + 0.5;
  };

  const look = () => {
    seen.width = innerWidth;
    seen.ground = getComputedStyle(document.body).backgroundColor;
    const root = document.documentElement;
    if (root.scrollWidth > innerWidth) {
      wrong(`the page is ${root.scrollWidth} wide, and the window ${innerWidth}`);
    }
    seen.leastContrast = Infinity;
    for (const element of document.body.querySelectorAll("*")) {
      const isRead = hasText(element) && !["SCRIPT", "STYLE", "style"].includes(element.nodeName);
      if (!isRead) continue;
      const found = contrast(element);
      seen.leastContrast = Math.min(seen.leastContrast, found);
      if (found < 4.5) wrong(`a contrast of ${found.toFixed(2)}: ${named(element)}`);
      const isScrolled = element.closest(".wide, details:not([open])");
      if (!isScrolled && !isShown(element)) wrong(`not to be seen: ${named(element)}`);
    }
    seen.findings = [...document.querySelectorAll("article.finding")].map((finding) => {
      for (const part of [".id", "h3", ".step"]) {
        if (!isShown(finding.querySelector(part))) wrong(`not to be seen: ${part} of ${named(finding)}`);
      }
      return { id: finding.querySelector(".id").textContent, step: finding.querySelector(".step").textContent };
    });
    // A click on a command selects it, and nothing else is copied with it.
    for (const command of document.querySelectorAll(".paste")) {
      getSelection().selectAllChildren(command);
      if (getSelection().toString() !== command.textContent) wrong(`copied as: ${getSelection()}`);
      if (getComputedStyle(command).userSelect !== "all") wrong(`not selected at once: ${named(command)}`);
    }
    getSelection().removeAllRanges();
    let level = 0;
    for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
      const own = Number(heading.localName[1]);
      if (own > level + 1) wrong(`a heading of level ${own} under one of ${level}: ${named(heading)}`);
      level = own;
    }
    if (document.querySelectorAll("h1").length !== 1) wrong("not one h1");
    for (const landmark of ["header", "main", "footer"]) {
      if (document.querySelectorAll(`body > ${landmark}`).length !== 1) wrong(`not one ${landmark}`);
    }
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    if (new Set(ids).size !== ids.length) wrong(`an id twice among ${ids}`);
    for (const reference of document.querySelectorAll("[aria-labelledby], a[href^='#']")) {
      const id = reference.getAttribute("aria-labelledby") ?? reference.getAttribute("href").slice(1);
      if (!document.getElementById(id)) wrong(`nothing has the id ${id}`);
    }
    for (const picture of document.querySelectorAll("svg")) {
      if (!picture.getAttribute("aria-label")) wrong("a picture without a name");
    }
    for (const entry of performance.getEntriesByType("resource")) wrong(`loaded: ${entry.name}`);
    seen.scripts = document.scripts.length;
  };
  addEventListener("load", () => {
    try {
      look();
    } catch (error) {
      wrong(String(error));
    }
    parent.postMessage(JSON.stringify(seen), "*");
  });
})();
