#include "core/memory/guest_word.h"

extern "C" {
fred::u64 fred_word_move(void* to, const void* from, fred::u64 size);
fred::u64 fred_word_exchange(void* at, const void* expected, const void* desired, fred::u64 size);
}

namespace fred {

bool copy_words(void* to, const void* from, u64 size) {
  if (is_word(size)) return fred_word_move(to, from, size) == 0;
  auto* target = static_cast<u8*>(to);
  const auto* source = static_cast<const u8*>(from);
  while (size != 0) {
    // The largest word that both ends are aligned to, and that is not too long.
    const u64 place = reinterpret_cast<u64>(target) | reinterpret_cast<u64>(source) | largest_word;
    u64 step = place & -place;
    while (step > size) step /= 2;
    if (fred_word_move(target, source, step) != 0) return false;
    target += step, source += step, size -= step;
  }
  return true;
}

Exchange exchange_word(void* at, const void* expected, const void* desired, u64 size) {
  switch (fred_word_exchange(at, expected, desired, size)) {
    case 0:
      return Exchange::done;
    case 1:
      return Exchange::differs;
    default:
      return Exchange::faults;
  }
}

}  // namespace fred
