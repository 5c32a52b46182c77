// The processes of a recording: which one the session shows, and how it comes to debug one that ran by itself.
#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>

#include "core/dispatch/run_control.h"
#include "reverse/session/event_order.h"
#include "reverse/session/recording.h"
#include "reverse/timeline/stop.h"

namespace fred {

namespace {
/// What processes that run by themselves tell waits so long at most.
constexpr std::chrono::milliseconds watches_every{20};
}  // namespace

Session::Recording::~Recording() {
  programs.clear();
  processes.drain();
  if (attached)
    leave(processes, folder);
  else
    processes.release();
  // Ours, if it has ended by itself.
  if (const auto* first = processes.find(1)) waitpid(first->place.pid, nullptr, WNOHANG);
}

Session::Program* Session::find(u32 number) const {
  if (!recording_) return nullptr;
  const auto found = recording_->programs.find(number);
  return found != recording_->programs.end() ? found->second.get() : nullptr;
}

void Session::forget(u32 number) {
  if (find(number) == program_) program_ = nullptr;
  recording_->programs.erase(number);
}

u32 Session::process_number() const { return program_ != nullptr ? program_->process.place.number : 0; }

bool Session::is_open(u32 number) const {
  const auto* program = find(number);
  return program != nullptr && program->open;
}

std::vector<const RecordedProcess*> Session::processes() {
  std::vector<const RecordedProcess*> all;
  if (!recording_) return all;
  for (const auto& [number, program] : recording_->programs) {
    if (program->live && !program->live->running()) program->live->peer().drain();
  }
  recording_->processes.wait_for_beginnings();
  for (const auto& p : recording_->processes.all()) {
    if (p->begun) all.push_back(p.get());
  }
  return all;
}

const RecordedProcess* Session::process_of(pid_t pid) {
  (void)processes();
  const RecordedProcess* found = nullptr;
  if (!recording_) return found;
  for (const auto& p : recording_->processes.all()) {
    if (p->place.pid == pid && (found == nullptr || !is_open(found->place.number))) found = p.get();
  }
  return found;
}

/// None of them is to wait because nobody listens to it.
void Session::watch_processes() {
  watch_.expires_after(watches_every);
  watch_.async_wait([this](const boost::system::error_code& error) {
    if (error || !recording_) return;
    recording_->processes.drain();
    if (live_is_running() || recording_->processes.any_running()) watch_processes();
  });
}

void Session::note_held(const std::vector<Condition>& conditions, const std::vector<Hit>& hits) {
  for (const auto& hit : hits) {
    const auto condition = std::ranges::find(conditions, hit.id, &Condition::id);
    const auto* event = condition != conditions.end() ? std::get_if<ProcessCondition>(&condition->what) : nullptr;
    if (event == nullptr || event->event == ProcessCondition::Event::exec) continue;
    const auto& all = recording_->processes.all();
    const auto child = std::find_if(all.rbegin(), all.rend(), [&](const auto& p) {
      return p->place.pid == static_cast<pid_t>(hit.number) && p->place.parent == process_number();
    });
    if (child != all.rend()) (*child)->held = true;
  }
}

void Session::listen(Live& live) {
  live.on_no_room([this](const Error& why) { (void)make_room(why); });
  live.on_deadlock([this](const std::string& who_waits) { meet_deadlock(who_waits); });
}

// ---------------------------------------------------------------------------------------------------------
// Opening one.

Result<> Session::open(u32 number, OpenAt at) {
  if (live_is_running()) return fail("the program is running");
  (void)processes();
  auto* const process = recording_ ? recording_->processes.find(number) : nullptr;
  if (process == nullptr) return fail(fmt::format("there is no process {} in the recording", number));
  if (process->unrecorded) return fail(fmt::format("process {} has gone on without being recorded", number));
  attention_.begin();
  auto* const before = program_;
  const bool known = find(number) != nullptr;
  if (!known) {
    recording_->programs[number] = std::make_unique<Program>(*recording_, *process);
  }
  program_ = find(number);
  if (program_->open) return {};
  if (auto opened = take_over(*program_); !opened) {
    program_ = before;
    if (!known) recording_->programs.erase(number);
    return opened;
  }
  program_->open = true;
  watch_processes();
  return at == OpenAt::begin ? go_to(begin()) : Result<>();
}

Result<> Session::take_over(Program& p) {
  auto& process = p.process;
  if (auto stopped = stop_running(process); !stopped) return stopped;
  if (!process.begun) return fail(fmt::format("process {} was killed before it began", process.place.number));
  if (process.gone) return take_history(p);
  const Standing standing = *process.standing;
  p.live = std::make_unique<Live>(io_, p.snapshots, recording_->processes, process, ProcessList::hand_over(process),
                                  options_.snapshots);
  listen(*p.live);
  p.tip = p.position = standing.time;
  if (static_cast<StopReason>(standing.reason) == StopReason::guest_end) {
    p.end = ProgramEnd{.by_signal = standing.by_signal, .status = static_cast<int>(standing.signal_or_status)};
  }
  Result<> opened;
  if (p.snapshots.times().empty()) {
    p.tip_changes = TipChanges(standing.time);
    constexpr u64 first_event = 1;
    const bool at_begin = standing.event <= first_event;
    if (at_begin) opened = p.live->snapshot_here(standing.time);
    if (!at_begin || (!opened && opened.error().code == ECHILD)) opened = open_history(p);
  }
  if (!opened) recording_->processes.give_back(process, p.live->let_go());
  if (!opened) p.live.reset();
  return opened;
}

/// It runs no more: all of its history is in its log.
Result<> Session::take_history(Program& p) {
  if (p.snapshots.times().empty()) {
    if (auto opened = open_history(p); !opened) return opened;
  }
  auto worker = worker_before(never, HistoryEnd::unknown);
  if (!worker) return std::unexpected(worker.error());
  const auto at = attention_.go(*worker, {.kind = MessageKind::run_on});
  if (!at) {
    p.children.end(std::move(*worker));
    return std::unexpected(at.error());
  }
  p.end_worker();
  p.worker = std::move(*worker);
  p.tip = p.position = at->time;
  const auto& end = p.process.end;
  p.end = end ? ProgramEnd{.by_signal = end->by_signal, .status = end->status} : ProgramEnd{.gone = true};
  return {};
}

Result<> Session::open_history(Program& p) {
  auto worker = worker_at_begin(p.process);
  if (!worker) return std::unexpected(worker.error());
  const auto begin = worker->now();
  auto snapshot = begin ? worker->snapshot() : std::unexpected(begin.error());
  p.children.end(std::move(*worker));
  if (!snapshot) return std::unexpected(snapshot.error());
  p.snapshots.add(begin->time, std::move(*snapshot), {}, {});
  p.tip_changes = TipChanges(begin->time);
  return {};
}

Result<> Session::stop_running(RecordedProcess& process) {
  if (process.standing || process.gone) return {};
  (void)process.peer.interrupt();  // one that has gone is noticed by its socket
  while (!process.standing && !process.gone) {
    if (auto said = attention_.wait_readable(process.peer); !said) return said;
    recording_->processes.drain();
    if (attention_.interrupted()) return interrupted();
  }
  return {};
}

Result<Peer> Session::worker_at_begin(const RecordedProcess& process) {
  const auto& place = process.place;
  if (place.origin == ProcessOrigin::executed) {
    auto command = recording_->command;
    command.mode = "replay";
    command.options.push_back(fmt::format("--process={},0,0", place.number));
    command.standard = {-1, -1, -1};
    command.own_group = false;
    command.terminal.clear();
    command.by_shell = false;
    const auto engine = start_engine(command);
    if (!engine) return std::unexpected(engine.error());
    return Peer{engine->pid, UniqueFd{engine->control}};
  }
  const auto* parent = recording_->processes.find(place.parent);
  if (parent == nullptr) return fail(fmt::format("nothing is known of the parent of process {}", place.number));
  auto* const program = find(place.parent);
  auto worker = program != nullptr ? worker_before_event(*program, place.parent_event) : worker_at_begin(*parent);
  if (!worker) return worker;
  const Message enter{.kind = MessageKind::enter_child, .number = {place.number, place.parent_event}};
  if (auto entered = attention_.ask(*worker, enter); !entered) {
    recording_->children.end(std::move(*worker));
    return std::unexpected(entered.error());
  }
  return worker;
}

/// From its last snapshot up to there.
Result<Peer> Session::worker_before_event(Program& program, u64 event) {
  const auto times = program.snapshots.times();
  std::size_t first = 0, behind = times.size();  // that one is before the event, this one is not, or has gone
  Result<Peer> best = program.snapshots.latest_until(times.front())->peer.worker();
  while (best && behind - first > 1) {
    const auto middle = first + (behind - first) / 2;
    auto worker = program.snapshots.latest_until(times[middle])->peer.worker();
    const auto at = worker ? worker->now() : std::unexpected(worker.error());
    const bool before = at && at->event <= event;
    (before ? first : behind) = middle;
    if (before) std::swap(best, worker);
    if (worker) program.children.end(std::move(*worker));
  }
  return best;
}

Result<Peer*> Session::here(u32 number) {
  auto* const program = find(number);
  if (program == nullptr || !program->open) return fail(fmt::format("process {} does not stand", number));
  if (program == program_) return here();
  if (!program->worker && (!program->live || program->live->running())) return fail("the program is running");
  return &program->shown();
}

// ---------------------------------------------------------------------------------------------------------
// Several at one moment.

std::vector<Session::Aligned> Session::align_others() {
  std::vector<Aligned> all;
  if (program_ == nullptr) return all;
  auto* const current = program_;
  const auto order = order_before(log_path(recording_->folder.path(), process_number()), position());
  for (const auto& [number, program] : recording_->programs) {
    if (program.get() == current || !program->open) continue;
    program_ = program.get();
    all.push_back({number, order ? go_to_order(*order) : std::unexpected(order.error())});
  }
  program_ = current;
  return all;
}

Result<bool> Session::sees_others_at(const Time& time) const {
  return fred::sees_others_at(log_path(recording_->folder.path(), process_number()), time);
}

Result<Time> Session::go_to_order(u64 order) {
  const auto time = time_after(log_path(recording_->folder.path(), process_number()), order);
  if (!time) return std::unexpected(time.error());
  const Time to = std::clamp(time->value_or(tip()), begin(), tip());
  if (auto there = go_to(to); !there) return std::unexpected(there.error());
  return to;
}

// ---------------------------------------------------------------------------------------------------------
// Letting it go.

void Session::let_go(u32 number) {
  auto* const process = recording_ ? recording_->processes.find(number) : nullptr;
  if (process == nullptr) return;
  auto* const p = find(number);
  if (p == nullptr || !p->open) return ProcessList::go_on(*process);
  if (p == program_) (void)drop_changes(true);
  p->end_worker();
  p->end_probe();
  if (p->live) {
    recording_->processes.give_back(*process, p->live->let_go());
    p->live.reset();
  }
  p->open = false;
  p->end.reset();
  if (p == program_) program_ = nullptr;
  watch_processes();
}

void Session::let_end() { let_go(process_number()); }

}  // namespace fred
