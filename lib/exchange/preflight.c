/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * preflight.c - facts of answers in, findings out: what an answer without
 * credentials means on /rpc and elsewhere, and the cmdlet that repairs it.
 */
#include "exchange/decide.h"
#include "exchange/finding.h"

/* --- what fits ------------------------------------------------------------ */

typedef bool fits(const struct exchange_preflight *in);

static bool no_tcp(const struct exchange_preflight *in)
{
	return in->vdir.reach == EXCHANGE_NO_TCP;
}

static bool no_trust(const struct exchange_preflight *in)
{
	return in->vdir.reach == EXCHANGE_NO_TRUST;
}

/* A mail service that does not greet, whatever the reason. */
static bool no_greeting(const struct exchange_preflight *in)
{
	switch (in->vdir.reach) {
	case EXCHANGE_NO_TCP:
	case EXCHANGE_SILENT:
	case EXCHANGE_CUT:
		return true;
	case EXCHANGE_NOT_ASKED:
	case EXCHANGE_NO_TLS:
	case EXCHANGE_NO_TRUST:
	case EXCHANGE_GARBLED:
		return false;
	case EXCHANGE_ANSWERED:
		break;
	}
	return in->vdir.status != 200;
}

static bool tls_floor(const struct exchange_preflight *in)
{
	return in->vdir.reach == EXCHANGE_NO_TLS &&
	       strstr(in->vdir.why, "tls.min");
}

static bool no_suite(const struct exchange_preflight *in)
{
	return in->vdir.reach == EXCHANGE_NO_TLS &&
	       strstr(in->vdir.why, "cipher suite");
}

static bool no_tls(const struct exchange_preflight *in)
{
	return in->vdir.reach == EXCHANGE_NO_TLS;
}

static bool silent(const struct exchange_preflight *in)
{
	return in->vdir.reach == EXCHANGE_SILENT;
}

static bool cut(const struct exchange_preflight *in)
{
	return in->vdir.reach == EXCHANGE_CUT ||
	       in->vdir.reach == EXCHANGE_GARBLED;
}

static bool status(const struct exchange_preflight *in, unsigned status,
		   unsigned sub)
{
	return in->vdir.status == status && (!sub || in->vdir.sub == sub);
}

static bool isapi(const struct exchange_preflight *in)
{
	return status(in, 404, 2) || status(in, 403, 1);
}

static bool missing(const struct exchange_preflight *in)
{
	return status(in, 404, 0);
}

static bool enabled_lately(const struct exchange_preflight *in)
{
	return missing(in) && in->advised;
}

static bool no_ssl(const struct exchange_preflight *in)
{
	return status(in, 403, 4);
}

static bool client_certificate(const struct exchange_preflight *in)
{
	return status(in, 403, 7) || status(in, 403, 16);
}

/* The directory of an offline address book may not be listed: it is there. */
static bool forbidden(const struct exchange_preflight *in)
{
	return status(in, 403, 0) && in->protocol != EXCHANGE_OAB;
}

static bool method(const struct exchange_preflight *in)
{
	return status(in, 405, 0) || status(in, 501, 0);
}

static bool pool_stopped(const struct exchange_preflight *in)
{
	static const struct bytes rpc = BYTES_LIT("RPC Error");

	return status(in, 503, 0) &&
	       !bytes_istarts(BYTES(in->vdir.reason), rpc);
}

static bool broken(const struct exchange_preflight *in)
{
	return in->vdir.status >= 500;
}

static bool anonymous(const struct exchange_preflight *in)
{
	return status(in, 200, 0);
}

/* To itself, or to one of our own names with the path that was asked for. */
static bool loop(const struct exchange_preflight *in)
{
	const char *path =
		exchange_question(in->protocol, EXCHANGE_ASK_VDIR, false).path;
	struct bytes to = BYTES(in->vdir.location), host;
	static const struct bytes https = BYTES_LIT("https://");

	if (in->vdir.status / 100 != 3 || !to.n)
		return false;
	if (bytes_istarts(to, https)) {
		to = bytes_from(to, https.n);
		host = bytes_upto(to, bytes_find(to, '/'));
		if (!exchange_is_own_name(in->topology, host) &&
		    !bytes_ieq(host, BYTES(in->server->fqdn)))
			return false;
		to = bytes_from(to, host.n);
	}
	return bytes_ieq(to, BYTES(path));
}

static bool offers(const struct exchange_preflight *in, enum exchange_scheme s)
{
	return in->vdir.schemes >> s & 1;
}

static bool basic_only(const struct exchange_preflight *in)
{
	return in->vdir.status == 401 && offers(in, EXCHANGE_BASIC) &&
	       !offers(in, EXCHANGE_NTLM) && !offers(in, EXCHANGE_NEGOTIATE);
}

static bool basic_again(const struct exchange_preflight *in)
{
	return basic_only(in) && in->was_ready;
}

static bool basic_lately(const struct exchange_preflight *in)
{
	return basic_only(in) && in->advised;
}

static bool ntlm_only(const struct exchange_preflight *in)
{
	return in->vdir.status == 401 && offers(in, EXCHANGE_NTLM) &&
	       !offers(in, EXCHANGE_NEGOTIATE);
}

static bool no_windows(const struct exchange_preflight *in)
{
	return in->vdir.status == 401 && !offers(in, EXCHANGE_NTLM) &&
	       !offers(in, EXCHANGE_NEGOTIATE);
}

/* IIS takes what Active Directory does not say: it was edited by hand. */
static bool edited(const struct exchange_preflight *in)
{
	uint8_t iis = in->server->outlook.iis;

	return in->vdir.status == 401 && iis && !(iis & WINDOWS) &&
	       in->vdir.schemes & WINDOWS;
}

static bool unhealthy(const struct exchange_preflight *in)
{
	return in->health.reach == EXCHANGE_ANSWERED &&
	       in->health.status != 200;
}

static bool no_page(const struct exchange_preflight *in)
{
	return in->health.reach == EXCHANGE_CUT;
}

/* --- the table ----------------------------------------------------------- */

#define RPC ON(EXCHANGE_RPC)
#define ALL (ON(EXCHANGE_PROTOCOL_COUNT) - 1)
#define BUT_RPC (ALL & ~RPC)
#define MAIL (ON(EXCHANGE_POP) | ON(EXCHANGE_IMAP))
#define SERVICE "Set-Service {T} -StartupType Automatic; Start-Service {T}"

#define ENABLE                                                                 \
	"Enable-OutlookAnywhere -Server {S} -ClientAuthenticationMethod "      \
	"Basic -SSLOffloading $false -ExternalHostname {N}"
#define START "Import-Module WebAdministration; Start-WebAppPool -Name {P}"
#define APPCMD                                                                 \
	"& \"$env:windir\\system32\\inetsrv\\appcmd.exe\" set config "         \
	"\"Default Web Site{D}\" /section:access /sslFlags:Ssl "               \
	"/commit:apphost"
#define CERTIFICATE                                                            \
	"Get-ExchangeCertificate -Server {S} | Format-List "                   \
	"Subject,CertificateDomains,NotAfter,Services,Thumbprint"

/* The first row that fits an answer is the finding. */
static const struct rule {
	const char *code;
	enum exchange_severity severity;
	unsigned versions, protocols;
	fits *fits;
	const char *text, *cmdlet;
} rules[] = {
	{ "mail-service", EXCHANGE_ERROR, OLD, MAIL, no_greeting,
	  "{S} does not greet mail clients: setup leaves the service {T} off "
	  "(run this on {S})",
	  SERVICE },
	{ "mail-service", EXCHANGE_ERROR, MODERN, MAIL, no_greeting,
	  "{S} does not greet mail clients: setup leaves the services {T} and "
	  "{T}BE off (run this on {S})",
	  SERVICE "; Set-Service {T}BE -StartupType Automatic; Start-Service "
		  "{T}BE" },
	{ "unreachable", EXCHANGE_ERROR, ANY, ALL, no_tcp,
	  "{S} {W}: it is down, or a firewall keeps the appliance from its "
	  "port 443",
	  "Test-ServiceHealth -Server {S}" },
	{ "certificate", EXCHANGE_ERROR, ANY, ALL, no_trust,
	  "{S} is not trusted, its {W}: give it a certificate for {F}, or set "
	  "tls.ca, tls.name or tls.pin of the server",
	  CERTIFICATE },
	{ "tls-floor", EXCHANGE_ERROR, ANY, ALL, tls_floor,
	  "{S} {W}: Windows before 2008 R2 has no TLS 1.2; pin its certificate "
	  "(tls.pin) and set tls.min to 1.0",
	  CERTIFICATE },
	{ "no-cipher", EXCHANGE_ERROR, ANY, ALL, no_suite,
	  "{S} {W}: with RC4 and 3DES alone (Windows 2003 without KB948963) it "
	  "cannot be reached at all",
	  "" },
	{ "tls", EXCHANGE_ERROR, ANY, ALL, no_tls, "{S} {W}", CERTIFICATE },
	{ "silent", EXCHANGE_ERROR, ANY, ALL, silent,
	  "{S} {W} to {D}: its application pool {P} hangs",
	  "Get-Service -ComputerName {F} -Name W3SVC" },
	{ "no-answer", EXCHANGE_ERROR, ANY, ALL, cut,
	  "{S} {W} to {D}: its application pool {P} crashes, or another "
	  "program listens there",
	  "Get-Service -ComputerName {F} -Name W3SVC" },

	{ "isapi", EXCHANGE_ERROR, OLD, RPC, isapi,
	  "{S} answers {A}: the ISAPI restrictions of IIS do not allow "
	  "rpcproxy.dll; install the feature RPC over HTTP Proxy (run this on "
	  "{S})",
	  "Import-Module ServerManager; Add-WindowsFeature "
	  "RPC-over-HTTP-Proxy" },
	{ "not-enabled", EXCHANGE_PENDING, OLD, RPC, enabled_lately,
	  "Outlook Anywhere on {S} is not there yet; after "
	  "Enable-OutlookAnywhere it may take an hour: ask again (--fresh "
	  "tells "
	  "the cmdlet)",
	  "" },
	{ "not-enabled", EXCHANGE_ERROR, ON(EXCHANGE_2010), RPC, missing,
	  "Outlook Anywhere is not enabled on {S}, and it must be on every "
	  "2010 and 2007 Client Access server",
	  ENABLE " -IISAuthenticationMethods NTLM,Basic" },
	{ "not-enabled", EXCHANGE_ERROR, ON(EXCHANGE_2007), RPC, missing,
	  "Outlook Anywhere is not enabled on {S}, and it must be on every "
	  "2010 and 2007 Client Access server",
	  ENABLE },
	{ "missing", EXCHANGE_ERROR, ANY, BUT_RPC, missing,
	  "{S} has no virtual directory {D} (run this on {S})", "{T}" },
	{ "missing", EXCHANGE_ERROR, MODERN, RPC, missing,
	  "{S} has no virtual directory {D}",
	  "Get-OutlookAnywhere -Server {S}" },
	{ "no-ssl", EXCHANGE_ERROR, ANY, RPC, no_ssl,
	  "{S} answers {A}: something between the appliance and {S} takes TLS "
	  "off, and {D} wants it",
	  SET "-SSLOffloading $true" },
	{ "no-ssl", EXCHANGE_ERROR, ANY, BUT_RPC, no_ssl,
	  "{S} answers {A}: something between the appliance and {S} takes TLS "
	  "off, and {D} wants it",
	  "" },
	{ "client-certificate", EXCHANGE_ERROR, ANY, ALL, client_certificate,
	  "{S} answers {A}: IIS wants a client certificate on {D}, and nobody "
	  "has one to show (run this on {S})",
	  APPCMD },
	{ "forbidden", EXCHANGE_ERROR, ANY, ALL, forbidden,
	  "{S} answers {A} to {D}: IIS refuses this appliance's address, or "
	  "the method",
	  "" },
	{ "wrong-handler", EXCHANGE_ERROR, ANY, RPC, method,
	  "{S} answers {A} to RPC_IN_DATA: it reached another handler than "
	  "rpcproxy.dll, or a proxy in between that does not know the method",
	  "" },
	{ "pool-stopped", EXCHANGE_ERROR, ANY, ALL, pool_stopped,
	  "{S} answers {A}: the application pool {P} is stopped (run this on "
	  "{S})",
	  START },
	{ "broken", EXCHANGE_ERROR, ANY, ALL, broken,
	  "{S} answers {A} to {D}: the application behind it fails; its event "
	  "log says why",
	  "Get-EventLog -ComputerName {F} -LogName Application -EntryType "
	  "Error -Newest 20" },
	{ "loop", EXCHANGE_ERROR, ANY, ALL, loop,
	  "{S} redirects {D} to itself: clients would go round in circles",
	  "" },

	{ "anonymous", EXCHANGE_ERROR, ON(EXCHANGE_2010), RPC, anonymous,
	  "{S} lets everybody into {D} without asking who it is",
	  SET_WINDOWS_2010 },
	{ "anonymous", EXCHANGE_ERROR, ON(EXCHANGE_2007), RPC, anonymous,
	  "{S} lets everybody into {D} without asking who it is",
	  SET_WINDOWS_2007 },
	{ "basic-again", EXCHANGE_ERROR, ON(EXCHANGE_2010), RPC, basic_again,
	  "{S} was ready and offers Basic only again: {D} was edited by hand "
	  "in IIS, and re-stamped by the RpcHttpConfigurator, which does that "
	  "every 15 minutes",
	  SET_WINDOWS_2010 },
	{ "basic-again", EXCHANGE_ERROR, ON(EXCHANGE_2007), RPC, basic_again,
	  "{S} was ready and offers Basic only again: {D} was edited by hand "
	  "in IIS, and re-stamped by the RpcHttpConfigurator, which does that "
	  "every 15 minutes",
	  SET_WINDOWS_2007 },
	{ "basic-only", EXCHANGE_PENDING, OLD, RPC, basic_lately,
	  "{S} still offers Basic only on {D}; what was set may take an hour: "
	  "ask again (--fresh tells the cmdlet)",
	  "" },
	{ "basic-only", EXCHANGE_ERROR, ON(EXCHANGE_2010), RPC, basic_only,
	  "{S} offers Basic only on {D}, so a front end's Kerberos is refused; "
	  "with this Outlook keeps Basic and IIS takes Windows authentication "
	  "too",
	  SET_WINDOWS_2010 },
	{ "basic-only", EXCHANGE_ERROR, ON(EXCHANGE_2007), RPC, basic_only,
	  "{S} offers Basic only on {D}, so a front end's Kerberos is refused; "
	  "2007 knows one method for IIS and Outlook together",
	  SET_WINDOWS_2007 },
	{ "ntlm-only", EXCHANGE_WARNING, ON(EXCHANGE_2010), RPC, ntlm_only,
	  "{S} offers NTLM without Negotiate on {D}: NTLM works, Kerberos does "
	  "not",
	  SET "-IISAuthenticationMethods Basic,NTLM,Negotiate" },
	{ "ntlm-only", EXCHANGE_WARNING, ON(EXCHANGE_2007), RPC, ntlm_only,
	  "{S} offers NTLM without Negotiate on {D}: NTLM works, Kerberos does "
	  "not; Negotiate is missing from the providers of IIS",
	  "" },
	{ "no-windows", EXCHANGE_WARNING, MODERN, RPC, no_windows,
	  "{S} offers neither NTLM nor Negotiate on {D}",
	  SET "-IISAuthenticationMethods Basic,NTLM,Negotiate" },
	{ "edited-by-hand", EXCHANGE_WARNING, ON(EXCHANGE_2010), RPC, edited,
	  "{S} takes Windows authentication on {D}, and its "
	  "IISAuthenticationMethods is Basic: it was edited by hand in IIS, "
	  "and the RpcHttpConfigurator re-stamps it within 15 minutes; this "
	  "makes it last",
	  SET_WINDOWS_2010 },
	{ "edited-by-hand", EXCHANGE_WARNING, ON(EXCHANGE_2007), RPC, edited,
	  "{S} takes Windows authentication on {D}, and its "
	  "DefaultAuthenticationMethod is Basic: it was edited by hand in IIS, "
	  "and the RpcHttpConfigurator re-stamps it within 15 minutes; this "
	  "makes it last",
	  SET_WINDOWS_2007 },

	{ "inactive", EXCHANGE_ERROR, MODERN, ALL, unhealthy,
	  "healthcheck.htm of {D} on {S} does not answer 200: the component "
	  "{C} is not Active",
	  "Set-ServerComponentState -Identity {S} -Component {C} -Requester "
	  "Maintenance -State Active" },
	{ "inactive", EXCHANGE_ERROR, MODERN, ALL, no_page,
	  "{S} closes the connection instead of answering healthcheck.htm of "
	  "{D}: the component {C} is Inactive",
	  "Set-ServerComponentState -Identity {S} -Component {C} -Requester "
	  "Maintenance -State Active" },
};

/* --- with credentials ----------------------------------------------------- */

static bool echo_refused(const struct exchange_preflight *in)
{
	return in->echo.status == 401;
}

static bool ticket_refused(const struct exchange_preflight *in)
{
	return echo_refused(in) && in->kerberos;
}

static bool echo_of_another(const struct exchange_preflight *in)
{
	return in->echo.status == 200 && !in->echo.echo;
}

static bool echo_error(const struct exchange_preflight *in)
{
	return in->echo.status && in->echo.status != 200;
}

static bool no_echo(const struct exchange_preflight *in)
{
	return in->echo.reach != EXCHANGE_NOT_ASKED && !in->echo.status;
}

/* "RPC Error: 6ba, EEInfo: ..." (MS-RPCH 2.1.2.1.3) */
static bool rpc_error(const struct exchange_preflight *in, const char *error)
{
	struct bytes said = BYTES(in->connect.reason);

	return bytes_ieq(bytes_upto(said, bytes_find(said, ',')), BYTES(error));
}

/* RPC_S_SERVER_UNAVAILABLE, MS-ERREF 2.2. */
static bool rpc_down(const struct exchange_preflight *in)
{
	return rpc_error(in, "RPC Error: 6ba");
}

/* ERROR_ACCESS_DENIED. */
static bool not_valid_port(const struct exchange_preflight *in)
{
	return rpc_error(in, "RPC Error: 5") || in->connect.status == 401;
}

static bool connect_error(const struct exchange_preflight *in)
{
	return in->connect.status && in->connect.status != 200;
}

static bool no_connect(const struct exchange_preflight *in)
{
	return in->connect.reach != EXCHANGE_NOT_ASKED && !in->connect.status;
}

static bool dumb(const struct exchange_preflight *in)
{
	return in->connect.status == 200 && !in->connect.a3;
}

static bool half(const struct exchange_preflight *in)
{
	return in->connect.status == 200 && !in->connect.c2;
}

#define START_SERVICE(s) "Get-Service " s " -ComputerName {F} | Start-Service"

/* What is asked of Outlook Anywhere when all seems well: it is RPC's. */
static const struct deep {
	const char *code;
	unsigned versions;
	fits *fits;
	bool echo; /* else the connection */
	const char *text, *cmdlet;
} deep[] = {
	{ "ticket-refused", ANY, ticket_refused, true,
	  "{S} refuses the Kerberos ticket of this appliance on {D}: HTTP/{F} "
	  "is another account's than the one it runs under, the appliance's "
	  "account may not log on to {S} from the network, or (2010 on Windows "
	  "2008 R2) KB3140410 is missing",
	  "setspn -Q HTTP/{F}" },
	{ "credentials", ANY, echo_refused, true,
	  "{S} refuses the user that was named: a wrong password, or no right "
	  "to log on to {S} from the network",
	  "" },
	{ "not-rpcproxy", ANY, echo_of_another, true,
	  "{S} answers an echo request on {D} otherwise than rpcproxy.dll does",
	  "" },
	{ "echo", ANY, echo_error, true,
	  "{S} answers {A} to an echo request with credentials", "" },
	{ "echo", ANY, no_echo, true,
	  "{S} {W}, when it was sent an echo request with credentials", "" },
	{ "rpc-down", OLD & ~ON(EXCHANGE_2007), rpc_down, false,
	  "{S} answers {A}: its RPC Client Access service does not run",
	  START_SERVICE("MSExchangeRPC") },
	{ "rpc-down", MODERN, rpc_down, false,
	  "{S} answers {A}: the RPC Client Access service behind it does not "
	  "run",
	  START_SERVICE("MSExchangeRPC") },
	{ "rpc-down", ON(EXCHANGE_2007), rpc_down, false,
	  "{S} answers {A}: the Information Store of the mailbox server behind "
	  "it does not run",
	  "" },
	{ "valid-ports", ANY, not_valid_port, false,
	  "{S} answers {A}: the mailbox server is not among the ValidPorts of "
	  "its RPC proxy (run this on {S})",
	  "Get-ItemProperty HKLM:\\Software\\Microsoft\\Rpc\\RpcProxy | "
	  "Format-List ValidPorts,ValidPorts_*" },
	{ "connect", ANY, connect_error, false,
	  "{S} answers {A} to the opening of a virtual connection", "" },
	{ "connect", ANY, no_connect, false,
	  "{S} {W}, when a virtual connection was opened", "" },
	{ "connect", ANY, dumb, false,
	  "{S} takes an OUT channel and says nothing on it", "" },
	{ "half-open", ANY, half, false,
	  "{S} takes both channels and never joins them: the service behind it "
	  "is stuck, or a balancer spreads them",
	  "" },
};

static unsigned judge_deep(const struct exchange_preflight *in,
			   struct exchange_finding *out)
{
	for (size_t i = 0; i < ARRAY_LEN(deep); i++) {
		const struct deep *r = &deep[i];
		const struct words w = { in->topology, in->server,
					 r->echo ? &in->echo : &in->connect,
					 in->protocol, &in->server->build };

		if (!(r->versions & ON(in->server->version)) || !r->fits(in))
			continue;
		finding(out, &w, r->code, EXCHANGE_ERROR, r->text, r->cmdlet);
		return 1;
	}
	return 0;
}

/* --- one server and protocol -------------------------------------------------
 */

bool exchange_should_serve(const struct exchange_server *s,
			   enum exchange_protocol p)
{
	if (!why_unable(s, p))
		return true;
	return p == EXCHANGE_RPC && !exchange_is_modern(s->version) &&
	       s->version != EXCHANGE_UNKNOWN &&
	       (!s->roles || s->roles & EXCHANGE_ROLE_CLIENT_ACCESS);
}

unsigned exchange_judge(const struct exchange_preflight *in,
			struct exchange_finding out[EXCHANGE_FINDINGS])
{
	const struct words w = { in->topology, in->server, &in->vdir,
				 in->protocol, &in->server->build };

	if (in->vdir.reach == EXCHANGE_NOT_ASKED)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		const struct rule *r = &rules[i];

		if (!(r->versions & ON(in->server->version)) ||
		    !(r->protocols & ON(in->protocol)) || !r->fits(in))
			continue;
		finding(&out[0], &w, r->code, r->severity, r->text, r->cmdlet);
		return 1 + judge_deep(in, &out[1]);
	}
	return judge_deep(in, &out[0]);
}
