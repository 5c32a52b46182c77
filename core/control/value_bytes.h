// Conditions, hits, notes and trace points as bytes, for the control socket. Both ends are the same build.
#pragma once
#include <span>
#include <vector>

#include "core/base/error.h"
#include "core/control/condition.h"

namespace fred {

std::vector<u8> to_bytes(const std::vector<Condition>& conditions);
std::vector<u8> to_bytes(const std::vector<Hit>& hits);
std::vector<u8> to_bytes(const std::vector<Note>& notes);
std::vector<u8> to_bytes(const std::vector<TracePoint>& points);
std::vector<u8> to_bytes(const std::vector<ThreadFact>& threads);

// A damaged text is an Error.
Result<std::vector<Condition>> conditions_from(std::span<const u8> bytes);
Result<std::vector<Hit>> hits_from(std::span<const u8> bytes);
Result<std::vector<Note>> notes_from(std::span<const u8> bytes);
Result<std::vector<TracePoint>> trace_points_from(std::span<const u8> bytes);
Result<std::vector<ThreadFact>> threads_from(std::span<const u8> bytes);

}  // namespace fred
