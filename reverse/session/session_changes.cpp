// Changes that the user makes. At the tip they are part of the recording. In the past they happen in the worker that
// shows the position: a function that gdb calls there runs in it, and then that worker is thrown away.
#include <algorithm>
#include <ranges>

#include "reverse/session/program.h"

namespace fred {

namespace {
/// How far a function that is called in the past may run.
constexpr u64 most_ticks_of_call = 10'000'000;

Result<TipChanges::Standing> standing_of(Peer& live) {
  const auto now = live.now();
  if (!now) return std::unexpected(now.error());
  const auto registers = live.registers();
  if (!registers) return std::unexpected(registers.error());
  return TipChanges::Standing{now->time, *registers};
}
}  // namespace

Result<> Session::change(const std::function<Result<>(Peer&)>& make) {
  const auto peer = here();
  if (!peer) return std::unexpected(peer.error());
  auto& p = *program_;
  if (p.worker) {
    if (!p.change) {
      const auto registers = p.worker->registers();
      if (!registers) return std::unexpected(registers.error());
      p.change.emplace(*registers);
    }
    return make(*p.worker);
  }
  const auto before = standing_of(p.live->peer());
  if (!before) return std::unexpected(before.error());
  auto vector_state = p.live->peer().vector_state();
  if (!vector_state) return std::unexpected(vector_state.error());
  if (auto made = make(p.live->peer()); !made) return made;
  const auto after = standing_of(p.live->peer());
  if (!after) return std::unexpected(after.error());
  p.tip_changes.changed(*before, *after);
  p.tip_steps.push_back({before->time, before->registers, std::move(*vector_state), {}, {}});
  p.tip = p.position = after->time;
  p.trail.clear();
  return {};
}

Result<> Session::write_memory(GuestAddr at, std::span<const u8> bytes) {
  std::vector<u8> overwritten;
  const auto write = [&](Peer& peer) -> Result<> {
    auto old = peer.memory(at, bytes.size());
    if (!old) return std::unexpected(old.error());
    overwritten = std::move(*old);
    return peer.write_memory(at, bytes);
  };
  if (auto written = change(write); !written) return written;
  if (!program_->worker) {
    auto& step = program_->tip_steps.back();
    step.at = at;
    step.memory = std::move(overwritten);
  }
  if (program_->change) program_->change->memory = true;
  return {};
}

Result<> Session::set_registers(const Registers& registers) {
  if (auto set = change([&](Peer& peer) { return peer.set_registers(registers); }); !set) return set;
  const auto& past = program_->change;
  if (past && past->called && registers == past->before) return drop_changes(false);
  return {};
}

Result<> Session::set_vector_state(std::span<const u8> area) {
  return change([&](Peer& peer) { return peer.set_vector_state(area); });
}

Result<> Session::set_signal_info(std::span<const u8> signal_info) {
  auto set = change([&](Peer& peer) { return peer.set_signal_info(signal_info); });
  if (program_) program_->tip_steps.clear();
  return set;
}

Result<> Session::set_signal(int number, std::span<const u8> signal_info) {
  if (program_ && program_->worker) return {};
  auto set = change([&](Peer& peer) { return peer.set_signal(number, signal_info); });
  if (program_) program_->tip_steps.clear();
  return set;
}

Result<bool> Session::take_back_changes(const Time& time) {
  if (!program_ || !program_->live || live_is_running() || program_->end) return false;
  auto& p = *program_;
  const auto from = std::ranges::find(p.tip_steps, time, &TipStep::before);
  if (from == p.tip_steps.end()) return false;
  const std::vector<TipStep> steps(from, p.tip_steps.end());
  const auto kept = from - p.tip_steps.begin();
  if (auto there = go_to(p.tip); !there) return std::unexpected(there.error());
  for (const auto& step : steps | std::views::reverse) {
    if (step.memory.empty()) continue;
    if (auto written = write_memory(step.at, step.memory); !written) return std::unexpected(written.error());
  }
  if (auto set = set_vector_state(steps.front().vector_state); !set) return std::unexpected(set.error());
  if (auto set = set_registers(steps.front().registers); !set) return std::unexpected(set.error());
  p.tip_steps.resize(static_cast<std::size_t>(kept));
  return true;
}

bool Session::is_changed_in_past() const { return program_ && program_->change; }

const TipChanges& Session::tip_changes() const {
  static const TipChanges none;
  return program_ ? program_->tip_changes : none;
}

Result<bool> Session::in_called_function() {
  auto& p = *program_;
  if (!p.change) return false;
  if (p.change->called) return true;
  const auto registers = p.worker->registers();
  if (!registers) return std::unexpected(registers.error());
  return looks_called(*registers, p.change->before);
}

Result<bool> Session::goes_on_elsewhere() {
  auto& p = *program_;
  if (!p.change) return false;
  const auto registers = p.worker->registers();
  if (!registers) return std::unexpected(registers.error());
  return registers->rip != p.change->before.rip;
}

Result<RunStop> Session::run_called_function(const Forward& how) {
  auto& p = *program_;
  p.change->called = true;
  const auto now = p.worker->now();
  if (!now) return std::unexpected(now.error());
  const Time limit{.ticks = now->time.ticks + most_ticks_of_call, .pc = {}};
  const auto s = go_forward(*p.worker, how, limit);
  if (!s) {  // it has gone: the position is shown by another
    (void)drop_changes(false);
    return std::unexpected(s.error());
  }
  auto stop = run_stop(*s);
  if (stop.end != RunEnd::hit && how.steps == 0 && !how.stay_in && notice_) {
    notice_("the function that was called in the past did not return: it needs what is not recorded, or runs too long");
  }
  return stop;
}

Result<> Session::drop_changes(bool tell) {
  if (!program_ || !program_->change) return {};
  auto& p = *program_;
  if (tell && notice_) {
    notice_(p.change->called ? "the call of a function in the past ends here, without effect"
                             : "the change in the past was dropped: history cannot be changed");
  }
  p.change.reset();
  p.end_worker();
  auto worker = worker_before(p.position);
  if (!worker) return std::unexpected(worker.error());
  if (auto there = approach(*worker, p.position, Leave::nothing); !there) return std::unexpected(there.error());
  p.worker = std::move(*worker);
  return {};
}

}  // namespace fred
