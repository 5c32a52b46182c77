#include "core/translate/leaf.h"

namespace fred {

std::span<const Instruction> Leaves::at(GuestAddr entry, const Fetch& fetch) {
  auto& other = others_[entry.value / 16 % remembered];  // functions are aligned, mostly
  if (other == entry) return {};
  if (find(entry, fetch)) return {found_.data(), count_};
  other = entry;
  return {};
}

bool Leaves::find(GuestAddr entry, const Fetch& fetch) {
  count_ = 0;
  for (GuestAddr pc = entry; count_ < longest_leaf;) {
    auto& i = found_[count_];
    if (!fetch(pc, i)) return false;
    ++count_;
    if (i.flow == Flow::ret) return i.raw.operand_count_visible == 0;
    if (i.flow != Flow::next) return false;
    pc = i.next();
  }
  return false;
}

}  // namespace fred
