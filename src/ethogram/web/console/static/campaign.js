// The campaign's form: typing in what belongs to a choice makes the choice.
const form = document.getElementById("campaign");
form?.addEventListener("focusin", (event) => {
  const option = event.target.closest(".option-more")?.closest(".option");
  const choice = option?.querySelector('[name="when"]');
  if (choice && !choice.checked) choice.checked = true;
});
