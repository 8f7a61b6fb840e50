// Counts that an offer was opened from a notification, once: the address then forgets where the reader came from.

import { call } from "./api.js";

const { offer } = document.querySelector("[data-offer]").dataset;
const address = new URL(location.href);
address.searchParams.delete("from");
history.replaceState(history.state, "", address);
call("POST", `/me/offers/${offer}/opened`).catch(() => null);
