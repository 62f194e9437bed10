/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * columns.c - the table: every column of an HttpProxy log, and what fills it.
 */
#include "accesslog/accesslog.h"

#include <stdio.h>
#include <time.h>

struct line {
	const struct proxy_record *r;
	const char *server;
	uint64_t wall_ms;
	char text[1024];
};

/* --- what fills a column: into l->text ------------------------------------ */

#define SAY(l, ...) snprintf((l)->text, sizeof((l)->text), __VA_ARGS__)

static void date_time(struct line *l)
{
	time_t seconds = (time_t)(l->wall_ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	SAY(l, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    (unsigned)(l->wall_ms % 1000));
}

static void request_id(struct line *l)
{
	const uint8_t *g = l->r->id;

	SAY(l,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x"
	    "%02x",
	    g[0], g[1], g[2], g[3], g[4], g[5], g[6], g[7], g[8], g[9], g[10],
	    g[11], g[12], g[13], g[14], g[15]);
}

static void version_part(struct line *l, unsigned i)
{
	unsigned part[3] = { 0 };

	sscanf(CASGATE_VERSION, "%u.%u.%u", &part[0], &part[1], &part[2]);
	SAY(l, "%u", i < 3 ? part[i] : 0);
}

static void major(struct line *l)
{
	version_part(l, 0);
}

static void minor(struct line *l)
{
	version_part(l, 1);
}

static void build(struct line *l)
{
	version_part(l, 2);
}

static void revision(struct line *l)
{
	version_part(l, 3);
}

/* As Exchange writes it for MAPI: R:id;RT:type;CI:info;CID:id. */
static void client_request_id(struct line *l)
{
	const struct proxy_record *r = l->r;

	if (r->protocol == EXCHANGE_MAPI && r->mapi_id[0])
		SAY(l, "R:%s;RT:%s;CI:%s;CID:%s", r->mapi_id, r->mapi_type,
		    r->mapi_info, r->client_id);
	else
		SAY(l, "%s", r->client_id);
}

static void protocol(struct line *l)
{
	SAY(l, "%s", accesslog_folder(l->r->protocol));
}

static void action_of_eas(struct line *l)
{
	http_query_get(BYTES(l->r->query), "Cmd", l->text, 64);
}

/* "http://schemas.microsoft.com/.../messages/FindItem" -> FindItem. */
static void action_of_ews(struct line *l)
{
	const char *last = strrchr(l->r->soap, '/');

	last = last ? last + 1 : l->r->soap;
	SAY(l, "%.*s", (int)strcspn(last, "\""), last);
}

static void protocol_action(struct line *l)
{
	const struct proxy_record *r = l->r;

	if (r->protocol == EXCHANGE_EAS)
		action_of_eas(l);
	else if (r->protocol == EXCHANGE_EWS ||
		 r->protocol == EXCHANGE_AUTODISCOVER)
		action_of_ews(l);
	else if (r->protocol == EXCHANGE_MAPI)
		SAY(l, "%s", r->mapi_type);
	else if (r->protocol == EXCHANGE_RPC)
		SAY(l, "%s", r->method);
	else if (exchange_is_mail(r->protocol)) /* as Exchange's own logs */
		SAY(l, "%s", r->session_over ? "CloseSession" : "login");
}

static void authentication(struct line *l)
{
	static const char *const words[] = {
#define X(id, word) [id] = word,
		PROXY_AUTHS(X)
#undef X
	};

	if (l->r->method[0] || exchange_is_mail(l->r->protocol))
		SAY(l, "%s", words[l->r->auth]);
}

/* The server's word for it, for nobody else asks. To a form it says neither. */
static void is_authenticated(struct line *l)
{
	const struct proxy_record *r = l->r;

	if (exchange_is_mail(r->protocol))
		SAY(l, "%s", r->accepted ? "true" : r->answered ? "false" : "");
	else if (r->back_status == 401)
		SAY(l, "false");
	else if (r->auth != PROXY_AUTH_NONE && r->auth != PROXY_AUTH_FORM &&
		 r->back_status / 100 == 2)
		SAY(l, "true");
}

static void client_address(struct line *l)
{
	ipaddr_str(&l->r->client, l->text);
}

static void server_host(struct line *l)
{
	SAY(l, "%s", l->server);
}

static void number(struct line *l, uint64_t n)
{
	SAY(l, "%llu", (unsigned long long)n);
}

static void status(struct line *l)
{
	if (l->r->status)
		number(l, l->r->status);
}

static void back_status(struct line *l)
{
	if (l->r->back_status)
		number(l, l->r->back_status);
}

static void proxy_action(struct line *l)
{
	static const char *const words[] = { [PROXY_NONE] = "None",
					     [PROXY_PROXIED] = "Proxy",
					     [PROXY_REDIRECTED] = "Redirect" };

	SAY(l, "%s", words[l->r->action]);
}

static void target_version(struct line *l)
{
	const struct exchange_build *b = &l->r->build;

	if (l->r->action == PROXY_PROXIED)
		SAY(l, "%02u.%02u.%04u.%03u", b->major, b->minor, b->build,
		    b->revision);
}

static void routing_type(struct line *l)
{
	if (l->r->action == PROXY_PROXIED)
		SAY(l, "IntraForest");
}

static void routing_hint(struct line *l)
{
	if (l->r->decided)
		SAY(l, "%s", exchange_key_word(l->r->hint));
}

static void request_bytes(struct line *l)
{
	number(l, l->r->up);
}

static void response_bytes(struct line *l)
{
	number(l, l->r->down);
}

/* --- latencies [ms], where both ends were seen ------------------------------
 */

static void span(struct line *l, usec_t from, usec_t to)
{
	if (from && to >= from)
		number(l, (to - from) / USEC_PER_MSEC);
}

static usec_t up_done(const struct proxy_record *r)
{
	return max(r->up_done, r->sent);
}

static void deciding(struct line *l)
{
	span(l, l->r->read, l->r->decided);
}

static void reading(struct line *l)
{
	span(l, l->r->began, l->r->read);
}

static void connecting(struct line *l)
{
	span(l, l->r->decided, l->r->sent);
}

static void streaming_up(struct line *l)
{
	span(l, l->r->sent, up_done(l->r));
}

/* An answer may come before the body has gone. */
static void processing(struct line *l)
{
	const struct proxy_record *r = l->r;

	if (r->sent && r->answered)
		span(l, min(up_done(r), r->answered), r->answered);
}

static void streaming_down(struct line *l)
{
	span(l, l->r->answered, l->r->ended);
}

static void proxying(struct line *l)
{
	if (l->r->sent)
		span(l, l->r->decided, l->r->ended);
}

static void total(struct line *l)
{
	span(l, l->r->began, l->r->ended);
}

/* --- the rest
 * ------------------------------------------------------------------ */

static void url_query(struct line *l)
{
	accesslog_query(BYTES(l->r->query), l->text, sizeof(l->text));
}

static void back_end_info(struct line *l)
{
	if (l->r->back_id[0])
		SAY(l, "RequestId=%s", l->r->back_id);
}

static bool failed(const struct proxy_record *r)
{
	return r->status >= 400 || exchange_is_mail(r->protocol);
}

static void generic_info(struct line *l)
{
	const struct proxy_record *r = l->r;
	char hop[IPADDR_STR] = "";

	if (!ipaddr_eq(&r->client, &r->hop))
		ipaddr_str(&r->hop, hop);
	SAY(l, "Session=%llx;Listener=%s;%s%s%s%s",
	    (unsigned long long)r->session, r->listener, hop[0] ? "Hop=" : "",
	    hop, hop[0] ? ";" : "", failed(r) ? "" : r->reason);
}

static void generic_errors(struct line *l)
{
	static const char *const words[] = {
#define X(id, text) [id] = text,
		PROXY_ENDS(X)
#undef X
	};
	const struct proxy_record *r = l->r;

	if (failed(r) && r->reason[0])
		SAY(l, "%s", r->reason);
	else
		SAY(l, "%s", words[r->end]);
}

#define TEXT(field)                                                            \
	static void text_##field(struct line *l)                               \
	{                                                                      \
		SAY(l, "%s", l->r->field);                                     \
	}
TEXT(host)
TEXT(path)
TEXT(user)
TEXT(anchor)
TEXT(agent)
TEXT(method)
TEXT(server)

static const struct {
	const char *name;
	void (*fill)(struct line *l); /* NULL: not known here */
} columns[] = {
	{ "DateTime", date_time },
	{ "RequestId", request_id },
	{ "MajorVersion", major },
	{ "MinorVersion", minor },
	{ "BuildVersion", build },
	{ "RevisionVersion", revision },
	{ "ClientRequestId", client_request_id },
	{ "Protocol", protocol },
	{ "UrlHost", text_host },
	{ "UrlStem", text_path },
	{ "ProtocolAction", protocol_action },
	{ "AuthenticationType", authentication },
	{ "IsAuthenticated", is_authenticated },
	{ "AuthenticatedUser", text_user },
	{ "Organization", NULL },
	{ "AnchorMailbox", text_anchor },
	{ "UserAgent", text_agent },
	{ "ClientIpAddress", client_address },
	{ "ServerHostName", server_host },
	{ "HttpStatus", status },
	{ "BackEndStatus", back_status },
	{ "ErrorCode", NULL },
	{ "Method", text_method },
	{ "ProxyAction", proxy_action },
	{ "TargetServer", text_server },
	{ "TargetServerVersion", target_version },
	{ "RoutingType", routing_type },
	{ "RoutingHint", routing_hint },
	{ "BackEndCookie", NULL },
	{ "ServerLocatorHost", NULL },
	{ "ServerLocatorLatency", NULL },
	{ "RequestBytes", request_bytes },
	{ "ResponseBytes", response_bytes },
	{ "TargetOutstandingRequests", NULL },
	{ "AuthModulePerfContext", NULL },
	{ "HttpPipelineLatency", NULL },
	{ "CalculateTargetBackEndLatency", deciding },
	{ "GlsLatencyBreakup", NULL },
	{ "TotalGlsLatency", NULL },
	{ "AccountForestLatencyBreakup", NULL },
	{ "TotalAccountForestLatency", NULL },
	{ "ResourceForestLatencyBreakup", NULL },
	{ "TotalResourceForestLatency", NULL },
	{ "ADLatency", NULL },
	{ "SharedCacheLatencyBreakup", NULL },
	{ "TotalSharedCacheLatency", NULL },
	{ "ActivityContextLifeTime", NULL },
	{ "ModuleToHandlerSwitchingLatency", NULL },
	{ "ClientReqStreamLatency", reading },
	{ "BackendReqInitLatency", connecting },
	{ "BackendReqStreamLatency", streaming_up },
	{ "BackendProcessingLatency", processing },
	{ "BackendRespInitLatency", NULL },
	{ "BackendRespStreamLatency", streaming_down },
	{ "ClientRespStreamLatency", NULL },
	{ "KerberosAuthHeaderLatency", NULL },
	{ "HandlerCompletionLatency", NULL },
	{ "RequestHandlerLatency", NULL },
	{ "HandlerToModuleSwitchingLatency", NULL },
	{ "ProxyTime", proxying },
	{ "CoreLatency", NULL },
	{ "RoutingLatency", deciding },
	{ "HttpProxyOverhead", NULL },
	{ "TotalRequestTime", total },
	{ "RouteRefresherLatency", NULL },
	{ "UrlQuery", url_query },
	{ "BackEndGenericInfo", back_end_info },
	{ "GenericInfo", generic_info },
	{ "GenericErrors", generic_errors },
	{ "EdgeTraceId", NULL },
	{ "DatabaseGuid", NULL },
	{ "UserADObjectGuid", NULL },
	{ "PartitionEndpointLookupLatency", NULL },
	{ "RoutingStatus", NULL },
};

const char *accesslog_folder(unsigned p)
{
	return p < EXCHANGE_PROTOCOL_COUNT ? exchange_protocol_log(p) : "Other";
}

char *accesslog_names(char *dst, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(columns) && n < cap; i++)
		n += (size_t)snprintf(dst + n, cap - n, "%s%s", i ? "," : "",
				      columns[i].name);
	return dst;
}

size_t accesslog_line(const struct proxy_record *r, const char *server,
		      uint64_t wall_ms, char *dst)
{
	struct accesslog_out out = { .p = dst, .cap = ACCESSLOG_LINE - 3 };
	struct line l = { .r = r, .server = server, .wall_ms = wall_ms };

	for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
		l.text[0] = '\0';
		if (columns[i].fill)
			columns[i].fill(&l);
		accesslog_field(&out, BYTES(l.text));
	}
	memcpy(dst + out.n, "\r\n", 3);
	return out.n + 2;
}
