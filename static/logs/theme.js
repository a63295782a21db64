// Sets the theme before the page is painted. A classic script on purpose: modules run too late.

try {
  const theme = localStorage.getItem('logs.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's theme is used.
}
