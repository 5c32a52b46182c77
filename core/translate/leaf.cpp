#include "core/translate/leaf.h"

namespace fred {

std::vector<Instruction> find_leaf(GuestAddr entry, const std::function<std::optional<Instruction>(GuestAddr)>& fetch) {
  std::vector<Instruction> found;
  for (GuestAddr pc = entry; found.size() < longest_leaf;) {
    const auto i = fetch(pc);
    if (!i) return {};
    found.push_back(*i);
    if (i->flow == Flow::ret) return i->raw.operand_count_visible == 0 ? found : std::vector<Instruction>{};
    if (i->flow != Flow::next) return {};
    pc = i->next();
  }
  return {};
}

}  // namespace fred
