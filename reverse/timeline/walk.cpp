#include "reverse/timeline/walk.h"

#include <algorithm>
#include <ranges>

namespace fred {

void Walk::restart(const TracePoint& start) {
  points_.assign(1, start);
  edge_ = start.time;
  chunk_ = std::max<u64>(tuning_.first_trace, 1);
  ended_ = false;
}

Result<const TracePoint*> Walk::at(u64 n) {
  constexpr u64 most = 1 << 18;  // of one question
  while (n >= points_.size() && !ended_) {
    if (stop_.stop_requested()) return interrupted();
    const bool back = direction_ == Direction::backward;
    Result<std::vector<TracePoint>> more =
        back ? execution_->trace_before(edge_, chunk_) : execution_->trace_after(edge_, chunk_);
    if (!more) return std::unexpected(std::move(more.error()));
    ended_ = more->size() < chunk_;
    if (more->empty()) break;
    edge_ = back ? more->front().time : more->back().time;
    if (back) std::ranges::reverse(*more);
    const ThreadId thread = points_.front().thread;
    const auto before = points_.size();
    std::ranges::copy_if(*more, std::back_inserter(points_), [&](const TracePoint& p) { return p.thread == thread; });
    chunk_ = std::min(chunk_ * 2, most);
    if (points_.size() > before || ended_ || !back || search_ == nullptr) continue;
    if (auto passed = pass_others(thread); !passed) return std::unexpected(passed.error());
  }
  return n < points_.size() ? &points_[n] : nullptr;
}

Result<> Walk::pass_others(ThreadId thread) {
  const auto behind = behind_last_turn(*execution_, *search_, thread, edge_, stop_);
  if (!behind) return std::unexpected(behind.error());
  ended_ = !*behind;
  if (*behind) edge_ = **behind;
  chunk_ = std::max<u64>(tuning_.first_trace, 1);
  return {};
}

}  // namespace fred
