// A toy history as an Execution, and its program as Symbols.
#pragma once
#include "reverse/execution.h"
#include "reverse/timeline/symbols.h"
#include "tests/unit/toy/history.h"

namespace fred::toy {

class ToyExecution : public Execution {
 public:
  /// `snapshots` are points of the history; the first point is always one.
  ToyExecution(const History& history, const std::vector<u64>& snapshots);

  Time begin() const override { return time(0); }
  Time tip() const override { return time(h_.points.size() - 1); }
  Time position() const override { return time(position_); }
  std::vector<Time> snapshots() const override { return snapshots_; }
  Result<> go_to(const Time& to) override;
  Result<Time> first_of_tick(u64 ticks) override;
  Result<RunStop> run_forward(const Time& limit, const std::vector<Condition>& conditions) override;
  Result<std::vector<Note>> collect(const Time& from, const Time& to,
                                    const std::vector<Condition>& conditions) override;
  Result<std::vector<TracePoint>> trace_before(const Time& to, u64 most) override;
  Result<std::vector<TracePoint>> trace_after(const Time& from, u64 most) override;
  Result<std::vector<u8>> memory_at(const Time& at, GuestAddr address, u64 size) override;
  Result<TracePoint> point_at(const Time& at) override;

  /// What the conditions hit as the point's instruction executes, or just before it.
  std::vector<Hit> hits(u64 point, const std::vector<Condition>& conditions) const;

  u64 traced = 0, collected_points = 0;  // how much was asked for
  u64 fail_after = ~u64{0};              // so many more questions, then each is interrupted

 private:
  Time time(u64 point) const { return h_.points[point].trace.time; }
  Result<u64> find(const Time& at) const;
  Result<> question();
  std::vector<u8> bytes(u64 point, GuestAddr address, u64 size) const;

  const History& h_;
  std::vector<Time> snapshots_;
  u64 position_ = 0;
};

class ToySymbols : public Symbols {
 public:
  explicit ToySymbols(const History& history) : h_(history) {}
  std::optional<Line> line_at(GuestAddr pc) override;
  std::optional<Function> function_at(GuestAddr pc) override;
  Result<std::vector<Frame>> frames_at(const Time& time, u64 most) override;
  std::vector<GuestAddr> nonlocal_jumps() override;

 private:
  /// Return addresses may be the end of their function, and what is asked for lies anywhere in an instruction.
  const std::pair<u64, u64>* place(GuestAddr pc) const;
  const History& h_;
};

}  // namespace fred::toy
