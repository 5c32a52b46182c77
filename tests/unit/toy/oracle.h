// Where each command must stop, by definition, from the whole trace and the true frames. It shares no idea with the
// timeline: no rsp, no conditions, no unwinding.
#pragma once
#include "reverse/timeline/stop.h"
#include "reverse/timeline/symbols.h"
#include "tests/unit/toy/history.h"

namespace fred::toy {

class Oracle {
 public:
  Oracle(const History& history, Symbols& symbols) : h_(history), symbols_(symbols) {}

  // Points of the history; nothing: beyond its begin or end.
  using Place = std::optional<u64>;

  Place step_instruction(u64 from, Direction direction) const;
  Place next_instruction(u64 from, Direction direction) const;
  Place line(u64 from, Direction direction, bool into);
  Place finish(u64 from, Direction direction) const;
  bool has_caller(u64 point) const { return node(point).parent != Node::none; }

 private:
  enum class Left : u8 { no, returned, abandoned, handler };  // what ended between two points, seen from the second

  const Node& node(u64 point) const { return h_.nodes[h_.points[point].node]; }
  GuestAddr pc(u64 point) const { return h_.points[point].trace.time.pc; }
  std::optional<Line> line_of(GuestAddr at) const;
  std::optional<Line> line_of(u64 point) const { return line_of(pc(point)); }
  GuestAddr body_of(u64 point) const { return symbols_.function_at(pc(point))->body; }
  bool in_prologue(u64 point) const;
  u32 level_of(u64 point) const;
  std::vector<GuestAddr> skipped_at(u64 point) const;
  Left left_by(u64 point) const;

  Place before(u64 point) const;
  Place after(u64 point) const;
  Place own_before(u64 point, u32 of_node) const;
  Place has_control(u64 point, u32 of_node) const;
  u32 outer_with_lines(u32 of_node) const;
  GuestAddr waits_at(u32 inner) const;

  Place line_back(u64 from, bool into);
  Place line_on(u64 from, bool into);
  bool back_stop(u64 point, bool into);
  Place out_on(u64 point);

  const History& h_;
  Symbols& symbols_;
  u32 level_ = 0;
  std::vector<GuestAddr> own_skipped_;  // inlined calls that the step began in, although the user wants to skip them
  bool alone_ = false;                  // came to code without lines that nothing with lines has called
};

}  // namespace fred::toy
