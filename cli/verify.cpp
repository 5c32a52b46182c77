#include "cli/verify.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <cerrno>

namespace fred {

void end_and_wait(Peer& peer) {
  if (peer.pid() <= 0) return;
  peer.close();
  while (waitpid(peer.pid(), nullptr, 0) < 0 && errno == EINTR) {
  }
  peer = Peer{};
}

Result<Peer> Verifier::engine_worker(const std::string& mode, const std::string& option) const {
  auto command = live_;
  command.mode = mode;
  command.options.push_back(option);
  const auto engine = start_engine(command);
  if (!engine) return std::unexpected(engine.error());
  return Peer{engine->pid, UniqueFd{engine->control}};
}

bool Verifier::verify_to(Peer& worker, Position& at, u64 event) {
  const auto tag = worker.send({.kind = MessageKind::verify, .number = {event}});
  const auto m = tag ? receive_message(worker.socket()) : std::unexpected(tag.error());
  if (m && m->kind == MessageKind::diverged) {
    diverged_ = *m;
    diverged_process_ = at.process;
  }
  if (!m || m->kind != MessageKind::verified) return false;
  events_ += m->number[0] - at.event;
  nanoseconds_ += m->number[2];
  if (at.process == 1) ticks_ = m->number[1];
  at.event = m->number[0];
  return true;
}

/// On from `at` to event `until` (0: the end of the log), and the children that begin on the way.
bool Verifier::verify_rest(Peer& worker, Position at, u64 until) {
  for (const auto* child : processes_.children_of(at.process)) {
    const u64 event = child->place.parent_event;
    if (event < at.event || (until != 0 && event >= until)) continue;
    if (event > at.event && !verify_to(worker, at, event)) return false;
    if (!verify_child(worker, *child)) return false;
  }
  return verify_to(worker, at, until);
}

bool Verifier::failed(const Error& error, const RecordedProcess& process) {
  error_ = fmt::format("process {} cannot be re-executed: {}", process.place.number, error.message);
  return false;
}

bool Verifier::verify_child(Peer& parent, const RecordedProcess& child) {
  ++verified_processes_;
  Peer snapshot;
  Result<Peer> worker;
  if (child.place.origin == ProcessOrigin::executed) {
    worker = engine_worker("replay", fmt::format("--process={},0,0", child.place.number));
  } else {
    auto taken = parent.snapshot();
    if (!taken) return failed(taken.error(), child);
    snapshot = std::move(*taken);
    worker = snapshot.worker();
    if (worker) {
      const auto entered =
          worker->ask({.kind = MessageKind::enter_child, .number = {child.place.number, child.place.parent_event}});
      if (!entered) {
        end_and_wait(*worker);
        worker = std::unexpected(entered.error());
      }
    }
  }
  const bool whole =
      worker ? verify_rest(*worker, {.process = child.place.number, .event = 1}, 0) : failed(worker.error(), child);
  if (worker) end_and_wait(*worker);
  end_and_wait(snapshot);
  return whole;
}

bool Verifier::run(std::vector<RecordedSnapshot>& snapshots) {
  for (std::size_t i = 0; i < snapshots.size(); ++i) {
    auto& snapshot = snapshots[i];
    auto worker = state_.empty() ? snapshot.peer.worker() : engine_worker("rebuild", "--state=" + state_);
    if (!worker) return false;
    const u64 until = i + 1 < snapshots.size() ? snapshots[i + 1].event : 0;
    const bool whole = verify_rest(*worker, {.process = 1, .event = snapshot.event}, until);
    end_and_wait(*worker);
    if (!whole) return false;
  }
  return true;
}

std::string Verifier::result() const {
  if (diverged_) {
    const auto& d = *diverged_;
    const auto whose = diverged_process_ != 1 ? fmt::format(" of process {}", diverged_process_) : "";
    return fmt::format("fred: diverged at event {}{}, time {}:{:#x}: {}\n", d.number[0], whose, d.number[1],
                       d.number[2], d.text);
  }
  const auto processes = verified_processes_ > 1 ? fmt::format(", {} processes", verified_processes_) : "";
  return fmt::format("fred: verified {} events, {} ticks, {:.3f} s, no divergence{}\n", events_, ticks_,
                     static_cast<double>(nanoseconds_) / 1e9, processes);
}

}  // namespace fred
