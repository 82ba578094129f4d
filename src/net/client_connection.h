// One connection of a ClientLoop: name lookup, attempts at each address, the open WebSocket, its end.
#pragma once

#include "net/assembler.h"
#include "net/client_loop.h"
#include "net/lws_support.h"
#include "net/resolver.h"
#include "net/send_queue.h"

namespace sotto::net {

/// What a connection needs of its loop.
class ClientConnectionHost {
 public:
  virtual lws_context* context() const = 0;
  virtual const ClientOptions& options() const = 0;
  virtual ClientHandler& handler() = 0;
  /// Where a message is put together before it is written.
  virtual Bytes& scratch() = 0;
  /// Destroys the connection and tells the handler.
  virtual void finished(ConnectionId id, CloseInfo info) = 0;

 protected:
  ~ClientConnectionHost() = default;
};

class ClientConnection {
 public:
  /// The connect timeout runs from here on.
  ClientConnection(ClientConnectionHost& host, ConnectionId id, Endpoint endpoint, lws_vhost* vhost);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  void resolved(Result<Addresses> addresses);
  Status send(Bytes message);
  [[nodiscard]] std::size_t queued_bytes() const { return queue_.bytes(); }
  void close(std::uint16_t code, std::string_view reason);
  /// Without waiting for anything, from the loop.
  void abort();

  /// libwebsockets' callback about this connection. After LWS_CALLBACK_WSI_DESTROY the connection may be gone.
  int on_lws(lws* wsi, lws_callback_reasons reason, void* in, std::size_t size);

 private:
  enum class State { resolving, connecting, open };

  void attempt();
  void attempt_failed();
  void finish();
  /// The first failure of an attempt is the one told, unless another address works.
  void fail(Error error);
  /// This server, or what it says, is not acceptable: no other address is tried.
  void refuse(Error error);
  void kick();
  void deadline_passed();
  [[nodiscard]] std::chrono::microseconds time_left() const;
  [[nodiscard]] Error outcome() const;

  int verify(void* store_context, bool good_so_far);
  int before_request(lws* wsi);
  int check_subprotocol(lws* wsi);
  void opened(lws* wsi);
  int receive(lws* wsi, ByteView piece);
  int writeable(lws* wsi);
  void destroyed();

  ClientConnectionHost& host_;
  const ConnectionId id_;
  const Endpoint endpoint_;
  lws_vhost* const vhost_;
  const std::chrono::steady_clock::time_point connect_by_;

  State state_ = State::resolving;
  Addresses addresses_;
  std::size_t next_address_ = 0;
  lws* wsi_ = nullptr;
  bool starting_ = false;  // inside lws_client_connect_via_info
  bool died_while_starting_ = false;
  bool closing_ = false;  // by us
  bool close_sent_ = false;
  CloseInfo info_;
  std::optional<Error> failure_;
  bool final_failure_ = false;

  SendQueue queue_;
  Assembler assembler_;
  LwsTimer kick_;      // does next what must not be done within a call
  LwsTimer deadline_;  // for connecting, later for closing
};

}  // namespace sotto::net
