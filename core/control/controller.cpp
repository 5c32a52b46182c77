#include "core/control/controller.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <vector>

#include "ckpt/snapshot/snapshot.h"
#include "core/attach/release.h"
#include "core/base/descriptor.h"
#include "core/base/raw_syscall.h"
#include "core/control/value_bytes.h"
#include "core/dispatch/guest_state.h"
#include "core/dispatch/processes.h"
#include "core/memory/guest_access.h"
#include "core/signals/kernel_signals.h"
#include "core/threads/threads.h"

namespace fred {

namespace {
u64 now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<u64>(t.tv_sec) * 1000000000 + static_cast<u64>(t.tv_nsec);
}
}  // namespace

Controller::Controller(GuestEngine& engine, Reporter& reporter) : engine_(engine), reporter_(reporter), run_(engine) {
  (void)engine_.conditions().set({});  // those of the process that this one was forked from
  run_.on_request([this] { return answer_request(); });
  engine_.on_request([this] {
    if (answer_request() && !engine_.is_worker()) {  // a verification is not interrupted
      stand(StopReason::interrupted, 0);
      serve();
    }
  });
}

void Controller::serve() {
  for (;;) {
    engine_.tree().turn().release();  // while it stands
    int descriptor = -1;
    const auto m = receive_message(reporter_.socket(), &descriptor);
    if (is_to_leave(m)) return leave();
    if (!m || m->kind == MessageKind::quit) _exit(0);
    if (m->kind == MessageKind::part) {
      parts_.insert(parts_.end(), m->bytes().begin(), m->bytes().end());
      continue;
    }
    const bool stay = carry_out(*m, descriptor);
    parts_.clear();
    if (descriptor >= 0) close(descriptor);
    if (!stay) return;
  }
}

void Controller::serve_held() {
  run_.clear_breaks();
  stand(StopReason::reached, 0);
  serve();
}

bool Controller::answer_request() {
  take_control_request();
  bool stop = false;
  while (message_waits(reporter_.socket())) {
    int descriptor = -1;
    const auto m = receive_message(reporter_.socket(), &descriptor);
    if (is_to_leave(m)) {
      leave();
      return false;
    }
    if (!m || m->kind == MessageKind::quit) _exit(0);
    if (m->kind == MessageKind::interrupt) {
      stop = true;
    } else if (m->kind == MessageKind::snapshot) {
      snapshot(m->tag, descriptor);
    } else if (m->kind != MessageKind::part) {  // of a command that is refused
      refuse(m->tag, "the guest is running");
    }
    if (descriptor >= 0) close(descriptor);
  }
  if (farewell_received() && outlives_session()) {
    leave();
    return false;
  }
  return stop;
}

/// A program that was there before us, and what it has started.
bool Controller::outlives_session() const {
  return engine_.is_adopted_live() || (outlives_session_ && !engine_.is_worker());
}

/// Another one goes on without a session if that wants it.
bool Controller::is_to_leave(const Result<Message>& m) {
  if (!m) return outlives_session();
  return m->kind == MessageKind::leave && !engine_.is_worker();
}

void Controller::leave() {
  run_.clear_breaks();
  const bool adopted = engine_.is_adopted_live();
  i64 hang_up = -1;  // when the engine has left the program, and not before
  if (adopted) {
    hang_up = raise_descriptor(raw_syscall(SYS_dup, static_cast<u64>(reporter_.socket())));
    engine_.leave_recording();
  } else {
    engine_.processes().leave_recording();
  }
  reporter_.close();
  if (adopted) release(engine_, hang_up);  // it comes back where the program is about to end
  close_engine_descriptor(hang_up);
}

bool Controller::carry_out(const Message& m, int descriptor) {
  const auto address = GuestAddr{m.number[0]};
  switch (m.kind) {
    case MessageKind::snapshot:
      snapshot(m.tag, descriptor);
      break;
    case MessageKind::save:
      if (const auto saved = save_guest(engine_, m.text); saved) {
        reply({.kind = MessageKind::done}, m.tag);
      } else {
        refuse(m.tag, saved.error().message.c_str());
      }
      break;
    case MessageKind::resume:
      if (!engine_.is_worker()) {
        engine_.conditions().arm(Conditions::Use::none, {});
        return false;
      }
      refuse(m.tag, "a worker does not run freely");
      break;
    case MessageKind::run_to:
      stand(run_.run_to(m.time()), m.tag);
      break;
    case MessageKind::run_ticks:
      stand(run_.run_ticks(m.number[0]), m.tag);
      break;
    case MessageKind::step:
      stand(run_.step(m.number[0], static_cast<ThreadId>(m.number[2])), m.tag);
      break;
    case MessageKind::step_within:
      stand(run_.step_within({address, GuestAddr{m.number[1]}}, static_cast<ThreadId>(m.number[2])), m.tag);
      break;
    case MessageKind::run_on:
      stand(run_.run_on(), m.tag);
      break;
    case MessageKind::enter_child:
      if (engine_.mode() == Mode::replay &&
          engine_.processes().enter_child(static_cast<u32>(m.number[0]), m.number[1])) {
        stand(StopReason::reached, m.tag);
      } else {
        refuse(m.tag, "history has no such child from here on", ESRCH);
      }
      break;
    case MessageKind::run_alone:
      if (engine_.threads().run_alone(static_cast<ThreadId>(m.number[0]), m.number[1] != 0)) {
        reply({.kind = MessageKind::done}, m.tag);
      } else {
        refuse(m.tag, "there is no such thread");
      }
      break;
    case MessageKind::verify:
      verify(m.number[0], m.tag);
      break;
    case MessageKind::interrupt:
      break;  // it stands already
    case MessageKind::now:
      stand(StopReason::reached, m.tag);
      break;
    case MessageKind::registers: {
      const auto* thread = thread_of(m);
      if (thread == nullptr) break;
      const auto registers = engine_.threads().is_running(*thread) ? engine_.cpu().registers() : thread->registers;
      Message r{.kind = MessageKind::register_values};
      r.set_bytes({reinterpret_cast<const u8*>(&registers), sizeof registers});
      reply(r, m.tag);
      break;
    }
    case MessageKind::vector_state: {
      auto& cpu = engine_.cpu();
      const auto* thread = thread_of(m);
      if (thread == nullptr) break;
      std::vector<u8> area(thread->vector_area, thread->vector_area + cpu.vector_size());
      canonicalise_vector_area(area.data(), cpu.vector_mask());
      const u64 present = cpu.vector_mask();  // all of them: which are in their initial state depends on history
      std::memcpy(area.data() + 512, &present, sizeof present);
      Message r{.kind = MessageKind::vector_values, .number = {cpu.vector_mask()}};
      r.set_bytes(area);
      reply(r, m.tag);
      break;
    }
    case MessageKind::read_memory:
      read_memory(address, m.number[1], m.tag);
      break;
    case MessageKind::set_break:
    case MessageKind::clear_break:
      run_.set_break(address, m.kind == MessageKind::set_break);
      reply({.kind = MessageKind::done}, m.tag);
      break;
    case MessageKind::clear_breaks:
      run_.clear_breaks();
      reply({.kind = MessageKind::done}, m.tag);
      break;
    case MessageKind::horizon:
      run_.set_horizon(m.time());
      break;
    default: {
      auto text = std::move(parts_);
      text.insert(text.end(), m.bytes().begin(), m.bytes().end());
      if (!carry_out_value(m, text)) refuse(m.tag, "no such command here");
      break;
    }
  }
  return true;
}

const GuestThread* Controller::thread_of(const Message& m) {
  const auto* thread = engine_.threads().find(static_cast<ThreadId>(m.number[0]));
  if (thread == nullptr) refuse(m.tag, "there is no such thread");
  return thread;
}

void Controller::reply(Message m, u32 tag) {
  m.tag = tag;
  reporter_.send(std::move(m));
}

void Controller::refuse(u32 tag, const char* why, int error) {
  Message m{.kind = MessageKind::refused, .number = {static_cast<u64>(error)}};
  m.set_text(why);
  reply(m, tag);
}

void Controller::stand(StopReason reason, u32 tag) {
  const auto& end = engine_.end();
  const bool ended = engine_.ended();
  const u64 what = ended ? static_cast<u64>(end.status) : static_cast<u64>(engine_.raised_signal());
  Message m{.kind = MessageKind::at_time,
            .number = {0, 0, 0, 0, static_cast<u64>(reason), engine_.events().events(), what,
                       ended && end.by_signal ? u64{1} : 0}};
  m.set_time(engine_.now());
  reply_long(m, to_bytes(engine_.conditions().take_hits()), tag);
}

void Controller::snapshot(u32 tag, int descriptor) {
  if (descriptor < 0) return refuse(tag, "a snapshot needs a socket");
  if (engine_.ended()) return refuse(tag, "the guest has ended");
  if (engine_.is_edited()) return refuse(tag, "the worker was changed: it is no part of history");
  const u64 begin = now_ns();
  if (!engine_.is_worker()) engine_.take_shared_turn();
  const auto pid = fork_snapshot(engine_, descriptor, reporter_.socket());
  if (!pid) return refuse(tag, pid.error().message.c_str(), pid.error().code);
  Message m{.kind = MessageKind::snapshot_taken,
            .number = {0, 0, 0, 0, engine_.events().events(), static_cast<u64>(*pid), now_ns() - begin}};
  m.set_time(engine_.now());
  reply(m, tag);
}

void Controller::verify(u64 until, u32 tag) {
  if (engine_.mode() != Mode::replay) return refuse(tag, "only a worker verifies");
  const u64 begin = now_ns();
  const bool whole = engine_.run_events(until);
  if (engine_.ended() && engine_.events().peek() != nullptr) {
    engine_.events().diverged("recorded: further events; now: the guest has ended", engine_.now());
  }
  reporter_.verified({.events = engine_.events().events(),
                      .ticks = engine_.cpu().ticks(),
                      .nanoseconds = now_ns() - begin,
                      .broken_off = !whole},
                     tag);
}

void Controller::read_memory(GuestAddr at, u64 size, u32 tag) {
  u8 bytes[Message::max_text];
  const u64 readable = guest_readable(at, std::min<u64>(size, sizeof bytes));
  const u64 got = guest_read(bytes, at, readable) ? readable : 0;
  Message m{.kind = MessageKind::memory, .number = {got}};
  m.set_bytes({bytes, got});
  reply(m, tag);
}

}  // namespace fred
