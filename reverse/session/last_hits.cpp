#include "reverse/session/last_hits.h"

#include <algorithm>

namespace fred {

Result<std::vector<Hit>> last_hits(Execution& execution, const Time& before, const std::vector<Condition>& conditions) {
  if (conditions.empty()) return std::vector<Hit>{};
  auto starts = execution.snapshots();
  Time end = before;
  for (; !starts.empty(); starts.pop_back()) {
    if (starts.back() >= end) continue;
    const auto notes = execution.collect(starts.back(), end, conditions);
    if (!notes) return std::unexpected(notes.error());
    std::vector<Hit> last;
    for (const auto& note : *notes) {
      if (!note.last) continue;
      if (!last.empty() && note.last->at > last.front().at) last.clear();
      if (last.empty() || note.last->at == last.front().at) last.push_back(*note.last);
    }
    if (!last.empty()) return last;
    end = starts.back();
  }
  return std::vector<Hit>{};
}

}  // namespace fred
