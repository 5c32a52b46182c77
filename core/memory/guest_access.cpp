#include "core/memory/guest_access.h"

#include <algorithm>

extern "C" {
fred::u64 fred_guest_copy(void* to, const void* from, fred::u64 size);
fred::u64 fred_guest_probe(const void* at);
extern const char fred_guest_copy_begin[], fred_guest_copy_end[], fred_guest_copy_fault[];
extern const char fred_guest_probe_begin[], fred_guest_probe_end[], fred_guest_probe_fault[];
extern const char fred_word_move_begin[], fred_word_move_end[], fred_word_move_fault[];
extern const char fred_word_exchange_begin[], fred_word_exchange_end[], fred_word_exchange_fault[];
}

namespace fred {

namespace {
/// Guest addresses lie below this; what is not canonical would fault without an address.
constexpr u64 address_limit = u64{1} << 47;
bool in_user_space(GuestAddr at, u64 size) { return at.value < address_limit && size <= address_limit - at.value; }
}  // namespace

bool guest_read(void* to, GuestAddr from, u64 size) {
  return in_user_space(from, size) && fred_guest_copy(to, from.ptr<const void>(), size) == 0;
}

bool guest_write(GuestAddr to, const void* from, u64 size) {
  return in_user_space(to, size) && fred_guest_copy(to.ptr<void>(), from, size) == 0;
}

namespace {
StoreHooks store_hooks;
}

void set_store_hooks(const StoreHooks& hooks) { store_hooks = hooks; }

bool guest_store(GuestAddr to, const void* from, u64 size) {
  if (!in_user_space(to, size)) return false;
  const auto range = guest_range(to, size);
  if (store_hooks.before != nullptr) store_hooks.before(range);
  const u64 left = fred_guest_copy(to.ptr<void>(), from, size);
  if (store_hooks.behind != nullptr) store_hooks.behind({range.begin, range.end - left});
  return left == 0;
}

u64 guest_readable(GuestAddr at, u64 size) {
  u64 done = 0;
  while (done < size) {
    const auto here = at + done;
    if (!in_user_space(here, 1) || fred_guest_probe(here.ptr<const void>()) != 0) break;
    done = std::min(size, page_floor(here.value) + page_size - at.value);
  }
  return done;
}

u64 guest_access_recovery(u64 pc) {
  const struct {
    const char *begin, *end, *fault;
  } rows[] = {
      {fred_guest_copy_begin, fred_guest_copy_end, fred_guest_copy_fault},
      {fred_guest_probe_begin, fred_guest_probe_end, fred_guest_probe_fault},
      {fred_word_move_begin, fred_word_move_end, fred_word_move_fault},
      {fred_word_exchange_begin, fred_word_exchange_end, fred_word_exchange_fault},
  };
  const auto address = [](const char* label) { return reinterpret_cast<u64>(label); };
  for (const auto& row : rows) {
    if (pc >= address(row.begin) && pc < address(row.end)) return address(row.fault);
  }
  return 0;
}

}  // namespace fred
