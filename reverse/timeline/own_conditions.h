// Conditions that a step searches with for itself, beside the user's.
#pragma once
#include <optional>
#include <vector>

#include "core/control/condition.h"

namespace fred {

class OwnConditions {
 public:
  // Numbers from here on are never the user's.
  static constexpr ConditionId first_guard{0xfffe0000}, first_id{0xffff0000};
  static bool owns(ConditionId id) { return id >= first_guard; }
  static bool is_guard(ConditionId id) { return owns(id) && id < first_id; }

  explicit OwnConditions(ThreadId thread) : thread_(thread) {}

  void add(GuestAddr pc, std::optional<u64> stack_pointer) {
    const u32 id = static_cast<u32>(first_id) + static_cast<u32>(conditions_.size());
    conditions_.push_back({ConditionId{id}, BreakCondition{pc, stack_pointer}, thread_});
  }
  /// What says that the search has gone too far.
  void guard(GuestAddr pc, std::optional<u64> stack_pointer) {
    const u32 id = static_cast<u32>(first_guard) + static_cast<u32>(conditions_.size());
    conditions_.push_back({ConditionId{id}, BreakCondition{pc, stack_pointer}, thread_});
  }
  /// These, then the user's.
  std::vector<Condition> with(const std::vector<Condition>& users) const {
    std::vector<Condition> all = conditions_;
    all.insert(all.end(), users.begin(), users.end());
    return all;
  }
  /// The user's among these hits.
  static std::vector<Hit> users(std::vector<Hit> hits) {
    std::erase_if(hits, [](const Hit& h) { return owns(h.id); });
    return hits;
  }

 private:
  ThreadId thread_;
  std::vector<Condition> conditions_;
};

}  // namespace fred
