// The server's handlers for what the program is like where it stands.
#include <fmt/format.h>

#include <algorithm>

#include "gdbmi/rsp/framing.h"
#include "gdbmi/rsp/hex.h"
#include "gdbmi/rsp/library_list.h"
#include "gdbmi/rsp/server.h"
#include "gdbmi/rsp/xml.h"

namespace fred::remote {

namespace {
constexpr const char* failed = "E01";
std::string outcome(const Result<>& done) { return done ? "OK" : "E." + done.error().message; }
/// As much as a packet holds, in hex.
constexpr u64 most_memory = packet_size / 2 - 16;
}  // namespace

void Server::forget_state() {
  registers_.reset();
  threads_.clear();
  selected_ = 0;
}

const std::vector<ThreadFact>& Server::threads(i64 process) {
  const auto known = threads_.find(process);
  if (known != threads_.end()) return known->second;
  if (has_ended(process)) return threads_[process] = {{.id = static_cast<ThreadId>(process), .runs = true}};
  return threads_[process] = target_.threads_of(process);
}

Result<const RegisterState*> Server::registers() {
  if (!registers_) {
    auto now = target_.registers(selected_);
    if (!now) return std::unexpected(now.error());
    registers_ = std::move(*now);
  }
  return &*registers_;
}

Result<> Server::set_registers(RegisterState state) {
  if (selected_ != 0) return fail("the registers of a thread that does not run cannot be changed");
  registers_.reset();  // setting them may lead elsewhere (a called function's end in the past)
  threads_.erase(process_);
  return target_.set_registers(state);
}

const RegisterTable& Server::table() {
  if (!table_) {
    const auto now = registers();
    table_.emplace(now ? (*now)->components() : 0x7);
  }
  return *table_;
}

void Server::focus() {
  const i64 before = process_;
  if (!select(general_) || general_ <= 0 || process_ == before) return;
  selected_ = selected_next_ == current_thread() ? 0 : selected_next_;
}

ThreadId Server::current_thread() {
  const auto running = std::ranges::find(threads(), true, &ThreadFact::runs);
  return running == threads().end() ? 0 : running->id;
}

const ThreadFact* Server::find_thread(i64 process, ThreadId id) {
  const auto& all = threads(process);
  const auto found = std::ranges::find(all, id, &ThreadFact::id);
  return found == all.end() ? nullptr : &*found;
}

ThreadId Server::named_thread(const ThreadSpec& t) {
  return t.thread > 0 ? static_cast<ThreadId>(t.thread) : current_thread();
}

bool Server::is_our_thread(const ThreadSpec& t) {
  const i64 process = t.process > 0 ? t.process : process_;
  return (t.process <= 0 || inferiors_.contains(process)) &&
         (t.thread <= 0 || find_thread(process, static_cast<ThreadId>(t.thread)) != nullptr);
}

Server::Reply Server::handle(const ReadRegisters&) {
  const auto now = registers();
  if (!now) return failed;
  return to_hex(table().read_all(**now));
}

Server::Reply Server::handle(const WriteRegisters& packet) {
  const auto now = registers();
  if (!now) return failed;
  auto changed = **now;
  if (!table().write_all(changed, packet.bytes)) return failed;
  return outcome(set_registers(std::move(changed)));
}

Server::Reply Server::handle(const ReadRegister& packet) {
  const auto now = registers();
  if (!now || packet.number >= table().rows().size()) return failed;
  return to_hex(read_register(table().rows()[packet.number], **now));
}

Server::Reply Server::handle(const WriteRegister& packet) {
  const auto now = registers();
  if (!now || packet.number >= table().rows().size()) return failed;
  auto changed = **now;
  if (!write_register(table().rows()[packet.number], changed, packet.bytes)) return failed;
  return outcome(set_registers(std::move(changed)));
}

Server::Reply Server::handle(const ReadMemory& packet) {
  if (packet.size == 0) return "";
  const auto bytes = target_.memory(packet.at, std::min(packet.size, most_memory));
  if (!bytes || bytes->empty()) return "E14";
  return to_hex(*bytes);
}

Server::Reply Server::handle(const ReadMemoryBinary& packet) {
  const auto bytes = target_.memory(packet.at, std::min(packet.size, most_memory));
  if (!bytes || (bytes->empty() && packet.size != 0)) return "E14";
  return "b" + std::string(bytes->begin(), bytes->end());
}

Server::Reply Server::handle(const WriteMemory& packet) {
  if (packet.bytes.empty()) return "OK";
  registers_.reset();
  return outcome(target_.write_memory(packet.at, packet.bytes));
}

Server::Reply Server::handle(const WriteMemoryBinary& packet) {
  if (packet.bytes.empty()) return "OK";  // gdb tries whether the packet is understood
  registers_.reset();
  return outcome(target_.write_memory(packet.at, packet.bytes));
}

Server::Reply Server::handle(const SearchMemory& packet) {
  const auto found = target_.search_memory(guest_range(packet.at, packet.size), packet.pattern);
  if (!found) return failed;
  return *found ? fmt::format("1,{:x}", (*found)->value) : "0";
}

Server::Reply Server::handle(const SelectThread& packet) {
  if (!is_our_thread(packet.thread)) return failed;
  const auto wanted = static_cast<ThreadId>(packet.thread.thread > 0 ? packet.thread.thread : 0);
  if (packet.purpose == 'c') {
    steps_ = wanted;
    if (packet.thread.process > 0) going_process_ = packet.thread.process;
    return "OK";
  }
  if (packet.thread.process > 0) general_ = packet.thread.process;
  if (general_ != 0 && general_ != process_) {  // nothing has been asked about it yet
    selected_next_ = wanted;
    return "OK";
  }
  const ThreadId selected = wanted == current_thread() ? 0 : wanted;
  if (selected != std::exchange(selected_, selected)) registers_.reset();
  return "OK";
}
Server::Reply Server::handle(const ThreadAlive& packet) { return is_our_thread(packet.thread) ? "OK" : failed; }
Server::Reply Server::handle(const CurrentThread&) {
  if (!target_.has_program()) return "";
  return "QC" + naming().thread(current_thread());
}
Server::Reply Server::handle(const FirstThreads&) {
  std::string reply = "m";
  for (const auto& [process, inferior] : inferiors_) {
    for (const auto& thread : threads(process)) {
      if (reply.size() > 1) reply += ',';
      reply += naming(process).thread(thread.id);
    }
  }
  return reply.size() > 1 ? reply : "l";
}
Server::Reply Server::handle(const MoreThreads&) { return "l"; }
Server::Reply Server::handle(const ThreadName& packet) {
  const i64 process = packet.thread.process > 0 ? packet.thread.process : process_;
  if (!inferiors_.contains(process)) return failed;
  const auto* const thread = find_thread(process, named_thread(packet.thread));
  if (thread == nullptr) return failed;
  return to_hex(thread->state.empty() ? thread->name : thread->state);
}

Server::Reply Server::handle(const Symbol& packet) { return inferiors_[process_].thread_locals.symbol(packet); }

Server::Reply Server::handle(const ThreadLocal& packet) {
  if (!select(packet.thread.process)) return failed;
  const auto now = target_.registers(named_thread(packet.thread));
  if (!now) return failed;
  const auto at =
      inferiors_[process_].thread_locals.address(target_, now->general.fs_base, packet.link_map, packet.offset);
  return at ? fmt::format("{:x}", at->value) : "E." + at.error().message;
}

Server::Reply Server::handle(const Attached&) { return target_.is_attached() ? "1" : "0"; }

Server::Reply Server::handle(const Monitor& packet) {
  const auto reply = [this](const std::string& text) { send_(to_hex(text)); };
  if (target_.converse(packet.command, reply)) return std::nullopt;
  const auto text = target_.monitor(packet.command);
  return text.empty() ? "OK" : to_hex(text);
}

std::string Server::transferred(const Transfer& packet, std::string_view all) const {
  if (packet.offset >= all.size()) return "l";
  // Half a packet: each byte may have to be escaped.
  const auto part = all.substr(packet.offset, std::min<u64>(packet.size, packet_size / 2 - 8));
  return (packet.offset + part.size() < all.size() ? "m" : "l") + std::string(part);
}

std::string Server::threads_xml() {
  std::string xml = "<?xml version=\"1.0\"?><threads>";
  for (const auto& [process, inferior] : inferiors_) {
    for (const auto& thread : threads(process)) {
      xml += fmt::format("<thread id=\"{}\" name=\"{}\">{}</thread>", naming(process).thread(thread.id),
                         xml_attribute(thread.name), xml_attribute(thread.state));
    }
  }
  return xml + "</threads>";
}

Server::Reply Server::handle(const Transfer& packet) {
  if (!target_.has_program()) return failed;
  const auto bytes_reply = [&](const Result<std::vector<u8>>& bytes) -> std::string {
    if (!bytes) return failed;
    return transferred(packet, {reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  };
  if (packet.written) {  // only what can be written is announced so
    if (packet.object != "siginfo" || !target_.write_signal_info(packet.offset, *packet.written)) return failed;
    return fmt::format("{:x}", packet.written->size());
  }
  if (packet.object == "features") {
    return packet.annex == "target.xml" ? transferred(packet, table().target_xml()) : "E00";
  }
  if (packet.object == "auxv") return bytes_reply(target_.auxv());
  if (packet.object == "siginfo") return bytes_reply(target_.signal_info());
  if (packet.object == "threads") return transferred(packet, threads_xml());
  if (packet.object == "libraries-svr4") {
    auto list = library_list(target_);
    if (!list) return failed;
    auto& known = inferiors_[process_].libraries = std::move(*list);
    return transferred(packet, library_xml(known, gdb_17_ ? ListName::address : ListName::none));
  }
  if (packet.object == "exec-file") {
    const auto path = target_.executable();
    return path ? transferred(packet, *path) : failed;
  }
  return "";
}

}  // namespace fred::remote
