/** The pages' only script: what reading does without. Served from here; no page has any inline. */
export const SCRIPT = `
// "/" goes to the search, unless something is being written.
addEventListener('keydown', (event) => {
  const isWriting = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)
  if (event.key !== '/' || isWriting || event.ctrlKey || event.metaKey || event.altKey) return
  event.preventDefault()
  document.querySelector('input[name=q]').focus()
})
// Parts that change by themselves are read again until they no longer say so.
async function refresh(part) {
  await new Promise((resolve) => setTimeout(resolve, 2000))
  const answer = await fetch(location.href)
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
  const next = page.getElementById(part.id)
  if (!next) return location.reload()
  part.replaceWith(next)
  if (next.hasAttribute('data-live')) refresh(next)
}
for (const part of document.querySelectorAll('[data-live]')) refresh(part)
for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent)
    button.textContent = 'Copied'
  })
}
`
