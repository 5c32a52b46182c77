#include "tests/unit/toy/oracle.h"

#include <algorithm>

namespace fred::toy {

std::optional<Line> Oracle::line_of(GuestAddr at) const {
  std::optional<Line> line = symbols_.line_at(at);
  if (!line) return line;
  // What comes before a function's body is a line of its own.
  const GuestAddr body = symbols_.function_at(at)->body;
  if (line->range.begin < body && body < line->range.end) {
    if (at < body) {
      line->range.end = body;
    } else {
      line->range.begin = body;
      line->starts_statement |= at == body;
    }
  }
  return line;
}

bool Oracle::in_prologue(u64 point) const {
  const std::optional<Function> f = symbols_.function_at(pc(point));
  return pc(point) < f->body;
}

u32 Oracle::level_of(u64 point) const {
  const std::optional<Line> line = line_of(point);
  return line ? line->inline_depth : ~u32{0};
}

std::vector<GuestAddr> Oracle::skipped_at(u64 point) const {
  const std::optional<Line> line = line_of(point);
  return line ? line->skipped_calls : std::vector<GuestAddr>{};
}

Oracle::Place Oracle::before(u64 point) const {
  const ThreadId thread = h_.points[point].trace.thread;
  while (point-- > 0) {
    if (h_.points[point].trace.thread == thread) return point;
  }
  return std::nullopt;
}

Oracle::Place Oracle::after(u64 point) const {
  const ThreadId thread = h_.points[point].trace.thread;
  while (++point < h_.points.size()) {
    if (h_.points[point].trace.thread == thread) return point;
  }
  return std::nullopt;
}

Oracle::Place Oracle::own_before(u64 point, u32 of_node) const {
  Place p = before(point);
  // Where a fault was raised, before that.
  while (p && (h_.points[*p].node != of_node || h_.points[*p].trace.time.phase != 0)) p = before(*p);
  return p;
}

/// The first point behind where the frame has control, or where it is gone.
Oracle::Place Oracle::has_control(u64 point, u32 of_node) const {
  Place p = after(point);
  while (p && h_.points[*p].node != of_node && h_.is_within(h_.points[*p].node, of_node)) p = after(*p);
  return p;
}

/// An instruction of the parent while it waits for `inner`.
GuestAddr Oracle::waits_at(u32 inner) const {
  const Node& n = h_.nodes[inner];
  const bool by_trampoline = n.parent != Node::none && h_.nodes[n.parent].kind == Node::Kind::trampoline;
  return n.kind == Node::Kind::trampoline || by_trampoline ? n.back : n.back - 1;
}

u32 Oracle::outer_with_lines(u32 of_node) const {
  for (u32 n = of_node; h_.nodes[n].parent != Node::none; n = h_.nodes[n].parent) {
    if (line_of(waits_at(n))) return h_.nodes[n].parent;
  }
  return Node::none;
}

Oracle::Left Oracle::left_by(u64 point) const {
  const Op op = h_.points[point].instruction->op;
  if (op == Op::resume) return Left::handler;
  if (op == Op::long_jump || (op == Op::ret && node(point).function == h_.program.unwinder)) return Left::abandoned;
  return op == Op::ret ? Left::returned : Left::no;
}

Oracle::Place Oracle::step_instruction(u64 from, Direction direction) const {
  return direction == Direction::forward ? after(from) : before(from);
}

Oracle::Place Oracle::next_instruction(u64 from, Direction direction) const {
  const u32 own = h_.points[from].node;
  const Place p = step_instruction(from, direction);
  if (!p || h_.points[*p].node == own || !h_.is_within(h_.points[*p].node, own)) return p;
  return direction == Direction::forward ? has_control(from, own) : own_before(from, own);
}

Oracle::Place Oracle::finish(u64 from, Direction direction) const {
  const u32 own = h_.points[from].node;
  const u32 parent = h_.nodes[own].parent;
  if (direction == Direction::forward) {
    Place p = after(from);
    while (p && h_.points[*p].node != parent && h_.is_within(h_.points[*p].node, parent)) p = after(*p);
    return p;
  }
  // A function that jumps to itself begins anew in a frame that looks the same: the last beginning counts.
  u64 first = from;
  for (Place p = from; p && h_.is_within(h_.points[*p].node, own); p = before(*p)) {
    if (h_.points[*p].node == own) first = *p;
  }
  const Place entered = before(first);
  if (!entered) return std::nullopt;
  if (node(first).kind != Node::Kind::tail || line_of(*entered)) return entered;
  return own_before(first, h_.nodes[parent].kind == Node::Kind::trampoline ? h_.nodes[parent].parent : parent);
}

Oracle::Place Oracle::line(u64 from, Direction direction, bool into) {
  alone_ = false;
  return direction == Direction::forward ? line_on(from, into) : line_back(from, into);
}

bool Oracle::back_stop(u64 point, bool into) {
  const std::optional<Line> line = line_of(point);
  if (!line) return false;
  if (!into && line->inline_depth > level_) return false;
  level_ = std::min(level_, line->inline_depth);
  const auto& skipped = line->skipped_calls;
  std::erase_if(own_skipped_, [&](GuestAddr call) { return std::ranges::count(skipped, call) == 0; });
  if (into && own_skipped_ != skipped) return false;
  const Time& time = h_.points[point].trace.time;
  if (!line->starts_statement || time.phase != 0 || in_prologue(point)) return false;
  if (time.pc == line->range.begin) return true;
  const Place p = before(point);
  if (!p) return false;
  GuestAddr from = pc(*p);
  switch (left_by(*p)) {
    case Left::handler:
      return false;
    case Left::abandoned:
      if (h_.points[*p].instruction->op == Op::long_jump) return true;
      [[fallthrough]];
    case Left::returned:
      from = time.pc - 1;
      break;
    case Left::no:
      break;
  }
  const std::optional<Line> other = line_of(from);
  return !other || other->id != line->id;
}

Oracle::Place Oracle::line_back(u64 from, bool into) {
  level_ = level_of(from);
  own_skipped_ = skipped_at(from);
  u32 own = h_.points[from].node;
  for (u64 at = from;;) {
    const Place p = before(at);
    if (!p) return std::nullopt;
    const u32 n = h_.points[*p].node;
    bool check = true;
    Place next = p;
    if (n == own) {
    } else if (h_.is_within(n, own)) {
      const Left left = left_by(*p);
      u32 target = own;
      if (left != Left::handler && into) {
        if (left == Left::returned && line_of(*p)) target = n;
        if (left == Left::abandoned) {
          const u32 outer = outer_with_lines(n);
          if (outer != Node::none && h_.is_within(outer, own)) target = outer;
        }
      }
      if (target != n) next = own_before(at, target);
      if (!next && h_.nodes[own].kind == Node::Kind::trampoline) {
        // It was not executed before: on to what was interrupted.
        target = h_.nodes[own].parent;
        next = own_before(at, target);
        if (next && !line_of(*next)) {
          target = outer_with_lines(target);
          if (target == Node::none) return next;
          next = own_before(at, target);
        }
      }
      if (!next) return std::nullopt;
      if (target != own) {
        level_ = level_of(*next);
        own_skipped_ = h_.is_within(target, own) ? std::vector<GuestAddr>{} : skipped_at(*next);
      }
      own = target;
      check = left != Left::handler || pc(*next) != pc(at);
    } else {
      // The frame was made at `at`.
      u32 caller = n;
      const bool tail = h_.nodes[own].kind == Node::Kind::tail;
      if (tail && !line_of(*p) && symbols_.function_at(pc(*p))->trampoline) {
        // Walked through as it was.
      } else if (!line_of(*p)) {
        if (tail) {
          // Its caller, who may lack lines too.
          caller = h_.nodes[own].parent;
          if (caller == Node::none) return p;
          if (h_.nodes[caller].kind == Node::Kind::trampoline) caller = h_.nodes[caller].parent;
          next = own_before(at, caller);
          if (!next) return std::nullopt;
        }
        if (!line_of(*next)) {
          const u32 outer = outer_with_lines(caller);
          if (outer == Node::none) return next;
          caller = outer;
          next = own_before(at, caller);
          if (!next) return std::nullopt;
        }
      }
      own = caller;
      level_ = level_of(*next);
      own_skipped_ = skipped_at(*next);
    }
    at = *next;
    if (check && back_stop(at, into)) return at;
  }
}

/// From where a caller has control again to the nearest caller with lines.
Oracle::Place Oracle::out_on(u64 point) {
  Place p = point;
  while (p && !line_of(*p)) {
    const u32 outer = outer_with_lines(h_.points[*p].node);
    if (outer == Node::none) {
      alone_ = true;
      break;
    }
    p = has_control(*p, outer);
  }
  if (p) level_ = level_of(*p);
  return p;
}

Oracle::Place Oracle::line_on(u64 from, bool into) {
  level_ = level_of(from);
  u32 own = h_.points[from].node;
  const std::optional<Line> start = line_of(from);
  constexpr LineId no_line{};  // the toy's lines begin with 1
  LineId current = start ? start->id : no_line;
  for (u64 at = from;;) {
    Place p = after(at);
    if (!p) return std::nullopt;
    const u32 n = h_.points[*p].node;
    const Node& frame = h_.nodes[n];
    const bool trampoline = symbols_.function_at(pc(*p))->trampoline;
    if (n == own) {
    } else if (h_.is_within(n, own)) {
      if (frame.kind == Node::Kind::call && into && (line_of(*p) || trampoline)) {
        if (line_of(*p)) current = no_line;
        level_ = level_of(*p);
      } else {
        p = has_control(at, own);
        if (!p) return std::nullopt;
        if (h_.points[*p].node != own) p = out_on(*p);
      }
    } else if (frame.kind == Node::Kind::tail && frame.parent == h_.nodes[own].parent &&
               pc(*p) == symbols_.function_at(pc(*p))->entry) {
      if (line_of(*p)) {
        current = no_line;
        level_ = level_of(*p);
      } else if (!trampoline && frame.parent != Node::none) {
        p = has_control(at, frame.parent);
        if (p) p = out_on(*p);
      }
    } else {
      p = out_on(*p);
    }
    if (!p) return std::nullopt;
    at = *p;
    own = h_.points[at].node;
    if (alone_) return at;
    const std::optional<Line> line = line_of(at);
    if (!line || (!into && line->inline_depth > level_)) continue;
    level_ = std::min(level_, line->inline_depth);
    if (in_prologue(at)) continue;
    if (line->starts_statement && h_.points[at].trace.time.phase == 0 && current != line->id) return at;
    if (pc(at) != line->range.begin) current = line->id;
  }
}

}  // namespace fred::toy
