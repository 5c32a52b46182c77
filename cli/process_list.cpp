#include "cli/process_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "core/base/process_state.h"

namespace fred {

std::string RecordedProcess::program() const {
  if (end) return end->program;
  std::string name = "?";
  if (!gone || unrecorded) std::getline(std::ifstream(fmt::format("/proc/{}/comm", pid)), name);
  return name;
}

bool ProcessList::take(const Message& m, UniqueFd socket) {
  if (m.kind != MessageKind::process_began) return false;
  if (auto* known = find(static_cast<u32>(m.number[0])); known != nullptr) {
    known->place.pid = static_cast<i32>(m.number[4]);
    return true;
  }
  auto process = std::make_unique<RecordedProcess>();
  auto& p = *process;
  p.place = {.number = static_cast<u32>(m.number[0]),
             .parent = static_cast<u32>(m.number[1]),
             .parent_event = m.number[2],
             .origin = static_cast<ProcessOrigin>(m.number[3]),
             .pid = static_cast<i32>(m.number[4])};
  p.peer = Peer{0, std::move(socket)};
  listen(p);
  if (p.place.origin == ProcessOrigin::executed) is_seen_as(static_cast<pid_t>(m.pid), p);  // it has sent this itself
  const auto behind = std::ranges::upper_bound(all_, p.place.number, {}, [](const auto& x) { return x->place.number; });
  all_.insert(behind, std::move(process));
  return true;
}

void ProcessList::listen(RecordedProcess& p) {
  p.peer.on_other([this, &p](const Message& report, UniqueFd other) {
    if (take(report, std::move(other), p)) return;
    if (report.kind == MessageKind::at_time && report.tag == 0 && !std::exchange(p.goes_on, false)) {
      p.standing = p.peer.standing_of(report);
    }
  });
}

bool ProcessList::take(const Message& report, UniqueFd socket, RecordedProcess& p) {
  switch (report.kind) {
    case MessageKind::process_began:
      return take(report, std::move(socket));
    case MessageKind::started:
      is_seen_as(static_cast<pid_t>(report.pid), p);
      p.begun = true;
      return true;
    case MessageKind::failed:
      p.failed = true;
      return true;
    case MessageKind::left:
      p.unrecorded = true;
      return true;
    case MessageKind::ended:
      p.end = {.by_signal = report.number[0] != 0,
               .status = static_cast<int>(report.number[1]),
               .events = report.number[2],
               .ticks = report.number[3],
               .program = report.text};
      return true;
    default:
      return false;
  }
}

void ProcessList::is_seen_as(pid_t pid, RecordedProcess& p) {
  if (p.pid != 0) return;
  p.pid = pid;
  p.peer.set_pid(pid);
  if (p.place.pid == 0) p.place.pid = pid;  // its parent was killed before it could say
  (void)(outlive_ ? folder_.tell(pid) : folder_.guard(pid));
}

RecordedProcess& ProcessList::add_first(pid_t pid) {
  auto first = std::make_unique<RecordedProcess>();
  first->pid = pid;
  first->place = {.number = 1, .pid = pid};
  first->begun = first->taken = true;
  return **all_.insert(all_.begin(), std::move(first));
}

Peer ProcessList::hand_over(RecordedProcess& p) {
  p.taken = true;
  p.held = false;
  p.standing.reset();
  return std::exchange(p.peer, Peer{});
}

void ProcessList::give_back(RecordedProcess& p, Peer peer) {
  p.taken = false;
  p.peer = std::move(peer);
  listen(p);
}

void ProcessList::go_on(RecordedProcess& p) {
  if (!std::exchange(p.held, false) || p.gone || p.taken) return;
  if (!p.standing) p.goes_on = true;
  p.standing.reset();
  (void)p.peer.send({.kind = MessageKind::resume});  // one that has gone is noticed by its socket
}

void ProcessList::has_gone(RecordedProcess& p) {
  p.peer.close();
  p.gone = true;
  p.taken = false;
  p.standing.reset();
  // It leaves its socket as well when it executes what cannot be recorded.
  p.unrecorded |= !p.end && p.pid != 0 && !is_dead(p.pid);
}

void ProcessList::add_sources(std::vector<pollfd>& sources) const {
  for (const auto& p : all_) {
    if (!p->gone && !p->taken) sources.push_back({p->peer.socket(), POLLIN, 0});
  }
}

void ProcessList::drain(RecordedProcess& p) {
  if (p.peer.drain()) return;
  has_gone(p);
  folder_.forget(p.pid);
}

void ProcessList::drain() {
  // By index: what is told may add processes, behind or before.
  for (bool again = true; again;) {
    again = false;
    for (std::size_t i = 0; i < all_.size(); ++i) {
      auto& p = *all_[i];
      if (p.gone || p.taken || !message_waits(p.peer.socket())) continue;
      drain(p);
      again = true;
    }
  }
}

void ProcessList::wait_for_beginnings() {
  for (;;) {
    drain();
    std::vector<pollfd> beginning;
    for (const auto& p : all_) {
      if (!p->begun && !p->gone && !p->taken) beginning.push_back({p->peer.socket(), POLLIN, 0});
    }
    if (beginning.empty()) return;
    (void)poll(beginning.data(), beginning.size(), -1);
  }
}

bool ProcessList::any_failed() const {
  return std::ranges::any_of(all_, [](const auto& p) { return p->failed; });
}

bool ProcessList::any_running() const {
  return std::ranges::any_of(all_, [](const auto& p) { return !p->gone; });
}

void ProcessList::release() {
  for (const auto& p : all_) {
    if (p->gone || p->taken || !p->peer.send({.kind = MessageKind::leave})) continue;
    p->peer.prod();
    p->unrecorded = true;
  }
}

RecordedProcess* ProcessList::find(u32 number) const {
  const auto found = std::ranges::find(all_, number, [](const auto& p) { return p->place.number; });
  return found != all_.end() ? found->get() : nullptr;
}

std::vector<RecordedProcess*> ProcessList::children_of(u32 number) const {
  std::vector<RecordedProcess*> children;
  for (const auto& p : all_) {
    if (p->place.parent == number && p->begun) children.push_back(p.get());
  }
  return children;
}

}  // namespace fred
