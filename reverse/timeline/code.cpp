#include "reverse/timeline/code.h"

namespace fred {

const Code::Answers& Code::at(GuestAddr pc) {
  const auto found = known_.find(pc.value);
  if (found != known_.end()) return found->second;
  Answers answers{symbols_.line_at(pc), symbols_.function_at(pc)};
  if (answers.line && answers.function) {
    GuestRange& range = answers.line->range;
    const GuestAddr body = answers.function->body;
    if (range.begin < body && body < range.end) {
      (pc < body ? range.end : range.begin) = body;
      if (pc == body) answers.line->starts_statement = true;
    }
  }
  return known_.emplace(pc.value, std::move(answers)).first->second;
}

}  // namespace fred
