// The order of the events of several processes, as their logs have it (ItemKind::order). It is that of the ends of
// events: while one process stands within a system call, others may have got what it did.
#pragma once
#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/base/types.h"

namespace fred {

/// The number of the last event before `time` in this log; 0: there were no other processes yet.
Result<u64> order_before(const std::string& log, const Time& time);
/// Where the process stands that has made all of its events up to that number: before the next one. Nothing: it has
/// made all that are in its log.
Result<std::optional<Time>> time_after(const std::string& log, u64 order);

/// What other recorded processes wrote to shared memory comes into sight at `time`, between two instructions.
Result<bool> sees_others_at(const std::string& log, const Time& time);

}  // namespace fred
