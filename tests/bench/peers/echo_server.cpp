// A bare libwebsockets server over wss, on libev: it sends back each message as it came. What is above its figures no
// server on this library reaches. `bench_echo PORT CERTIFICATE KEY`.
#include <ev.h>
#include <libwebsockets.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <vector>

namespace {

struct Session {
  std::deque<std::vector<unsigned char>> waiting;
  std::vector<unsigned char> incoming;
};

int on_lws(lws* wsi, lws_callback_reasons reason, void* user, void* in, std::size_t size) {
  auto** slot = static_cast<Session**>(user);
  switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
      *slot = new Session;  // libwebsockets' memory of a connection is plain bytes
      return 0;
    case LWS_CALLBACK_CLOSED:
      delete *slot;
      return 0;
    case LWS_CALLBACK_RECEIVE: {
      auto& session = **slot;
      if (lws_is_first_fragment(wsi) != 0) session.incoming.assign(LWS_PRE, 0);
      const auto* bytes = static_cast<const unsigned char*>(in);
      session.incoming.insert(session.incoming.end(), bytes, bytes + size);
      if (lws_is_final_fragment(wsi) == 0) return 0;
      session.waiting.push_back(std::move(session.incoming));
      session.incoming = {};
      lws_callback_on_writable(wsi);
      return 0;
    }
    case LWS_CALLBACK_SERVER_WRITEABLE: {
      auto& session = **slot;
      while (!session.waiting.empty() && lws_send_pipe_choked(wsi) == 0) {
        auto& next = session.waiting.front();
        if (lws_write(wsi, next.data() + LWS_PRE, next.size() - LWS_PRE, LWS_WRITE_BINARY) < 0) return -1;
        session.waiting.pop_front();
      }
      if (!session.waiting.empty()) lws_callback_on_writable(wsi);
      return 0;
    }
    default:
      return 0;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  lws_set_log_level(0, nullptr);
  const lws_protocols protocols[] = {{"echo", &on_lws, sizeof(Session*), 4096, 0, nullptr, 64 * 1024}, {}};
  struct ev_loop* loop = ev_default_loop(EVFLAG_AUTO);
  void* loops[] = {loop};
  lws_context_creation_info info{};
  info.options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
  info.foreign_loops = loops;
  info.port = std::atoi(argv[1]);
  info.iface = "127.0.0.1";
  info.protocols = protocols;
  info.ssl_cert_filepath = argv[2];
  info.ssl_private_key_filepath = argv[3];
  info.pt_serv_buf_size = 16 * 1024;
  lws_context* context = lws_create_context(&info);
  if (context == nullptr) {
    std::fprintf(stderr, "no context\n");
    return 1;
  }
  ev_run(loop, 0);
  lws_context_destroy(context);
}
