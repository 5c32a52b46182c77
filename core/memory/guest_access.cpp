#include "core/memory/guest_access.h"

#include <algorithm>

extern "C" {
fred::u64 fred_guest_copy(void* to, const void* from, fred::u64 size);
fred::u64 fred_guest_probe(const void* at);
extern const char fred_guest_copy_begin[], fred_guest_copy_end[], fred_guest_copy_fault[];
extern const char fred_guest_probe_begin[], fred_guest_probe_end[], fred_guest_probe_fault[];
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
void (*page_opener)(GuestRange) = nullptr;
}

void set_page_opener(void (*open)(GuestRange)) { page_opener = open; }

bool guest_store(GuestAddr to, const void* from, u64 size) {
  if (page_opener != nullptr && in_user_space(to, size)) page_opener(guest_range(to, size));
  return guest_write(to, from, size);
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
  const auto address = [](const char* label) { return reinterpret_cast<u64>(label); };
  if (pc >= address(fred_guest_copy_begin) && pc < address(fred_guest_copy_end)) return address(fred_guest_copy_fault);
  if (pc >= address(fred_guest_probe_begin) && pc < address(fred_guest_probe_end))
    return address(fred_guest_probe_fault);
  return 0;
}

}  // namespace fred
