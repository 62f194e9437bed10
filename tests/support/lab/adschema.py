# SPDX-License-Identifier: BSD-3-Clause
"""The part of Exchange's schema that a reader of the directory meets, as LDIF
for Samba. Names, syntaxes and classes are Exchange's; of the object identifiers
only those given in full are, the others are of an arc for experiments. Clients
go by names.
"""
import re

ARC = "1.3.6.1.4.1.4203.666.77"                 # OpenLDAP's, for experiments
EXCHANGE = "1.2.840.113556.1.4.7000.102"

# Syntax and oMSyntax, MS-ADTS 3.1.1.2.2.2
DN, INT, LARGE, OCTETS = ("2.5.5.1", 127), ("2.5.5.9", 2), ("2.5.5.16", 65), ("2.5.5.10", 4)
TEXT, BOOL, DESCRIPTOR, SID = ("2.5.5.12", 64), ("2.5.5.8", 1), ("2.5.5.15", 66), ("2.5.5.17", 4)
MANY, INDEXED = "many", "indexed"

# name: (syntax, OID or None, further words)
ATTRIBUTES = {
    "homeMDB": (DN, "1.2.840.113556.1.2.244", "link 32"),
    "homeMDBBL": (DN, "1.2.840.113556.1.2.393", "link 33", MANY),
    "homeMTA": (DN, "1.2.840.113556.1.2.171"),
    "mailNickname": (TEXT, "1.2.840.113556.1.2.447", INDEXED),
    "protocolSettings": (TEXT, "1.2.840.113556.1.2.528", MANY),
    "msExchHomeServerName": (TEXT, f"{EXCHANGE}.47", INDEXED),
    "msExchMailboxSecurityDescriptor": (DESCRIPTOR, f"{EXCHANGE}.80"),
    "msExchMailboxGuid": (OCTETS, f"{EXCHANGE}.11058", INDEXED),
    "msExchRecipientDisplayType": (INT, f"{EXCHANGE}.50730", INDEXED),
    "msExchUserCulture": (TEXT, f"{EXCHANGE}.50773"),
    "msExchUserAccountControl": (INT, None),
    "msExchVersion": (LARGE, None),
    "msExchRecipientTypeDetails": (LARGE, None, INDEXED),
    "msExchMasterAccountSid": (SID, None),
    "msExchArchiveGUID": (OCTETS, None, INDEXED),
    "msExchArchiveDatabaseLink": (DN, None),
    "msExchMobileMailboxFlags": (INT, None),
    "msExchOmaAdminWirelessEnable": (INT, None),
    "msExchHideFromAddressLists": (BOOL, None, INDEXED),
    "msExchServerSite": (DN, None),
    "msExchCurrentServerRoles": (INT, None),
    "msExchOwningServer": (DN, None),
    "msExchMasterServerOrAvailabilityGroup": (DN, None),
    "msExchInternalHostName": (TEXT, None),
    "msExchExternalHostName": (TEXT, None),
    "msExchInternalAuthenticationMethods": (INT, None),
    "msExchExternalAuthenticationMethods": (INT, None),
    "msExchMetabasePath": (TEXT, None),
    "msExchRpcHttpFlags": (INT, None),
    "msExchHostServerLink": (DN, None),
    "msExchProductID": (TEXT, None),
    "msExchClientAccessArrayFqdn": (TEXT, None),
}

STRUCTURAL, ABSTRACT, AUXILIARY = 1, 2, 3
DIRECTORY = """msExchInternalHostName msExchExternalHostName msExchMetabasePath msExchVersion
    msExchInternalAuthenticationMethods msExchExternalAuthenticationMethods msExchOwningServer"""

# name: (superclass, category, attributes, classes it may lie under); a class
# stands behind those that it names
CLASSES = {
    "msExchMailStorage": ("top", AUXILIARY, """homeMDB homeMTA mailNickname protocolSettings
        msExchHomeServerName msExchMailboxSecurityDescriptor msExchMailboxGuid msExchUserCulture
        msExchRecipientDisplayType msExchUserAccountControl msExchVersion msExchArchiveGUID
        msExchRecipientTypeDetails msExchMasterAccountSid msExchArchiveDatabaseLink
        msExchMobileMailboxFlags msExchOmaAdminWirelessEnable msExchHideFromAddressLists""", ""),
    "msExchOrganizationContainer": ("container", STRUCTURAL, "legacyExchangeDN",
                                    "msExchConfigurationContainer"),
    "msExchAdminGroupContainer": ("container", STRUCTURAL, "", "msExchOrganizationContainer"),
    "msExchAdminGroup": ("container", STRUCTURAL, "legacyExchangeDN",
                         "msExchAdminGroupContainer"),
    "msExchServersContainer": ("container", STRUCTURAL, "", "msExchAdminGroup"),
    "msExchExchangeServer": ("server", STRUCTURAL, """msExchServerSite msExchCurrentServerRoles
        networkAddress legacyExchangeDN versionNumber msExchVersion msExchProductID
        msExchClientAccessArrayFqdn""", "msExchServersContainer"),
    "msExchClientAccessArray": ("top", STRUCTURAL, """msExchServerSite legacyExchangeDN
        msExchClientAccessArrayFqdn""", "container msExchAdminGroup"),
    "msExchDatabasesContainer": ("container", STRUCTURAL, "", "msExchAdminGroup"),
    "msExchMDB": ("top", ABSTRACT, """msExchOwningServer msExchMasterServerOrAvailabilityGroup
        legacyExchangeDN homeMDBBL msExchVersion displayName""",
                  "msExchDatabasesContainer container"),
    "msExchPrivateMDB": ("msExchMDB", STRUCTURAL, "", "msExchDatabasesContainer container"),
    "msExchMDBCopy": ("top", STRUCTURAL, "msExchHostServerLink", "msExchPrivateMDB"),
    "msExchMDBAvailabilityGroup": ("top", STRUCTURAL, "", "container msExchDatabasesContainer"),
    "msExchProtocolCfgHTTPContainer": ("container", STRUCTURAL, "",
                                       "container msExchExchangeServer"),
    "msExchVirtualDirectory": ("top", STRUCTURAL, DIRECTORY,
                               "container msExchProtocolCfgHTTPContainer"),
    **{f"msExch{word}VirtualDirectory": (
        "msExchVirtualDirectory", STRUCTURAL, "msExchRpcHttpFlags" if word == "RpcHttp" else "",
        "container msExchProtocolCfgHTTPContainer")
       for word in ("RpcHttp", "OWA", "ECP", "Mobile", "WebServices", "AutoDiscover", "OAB",
                    "PowerShell", "Mapi")},
}

# What has been added counts from here on.
RELOAD = "dn:\nchangetype: modify\nadd: schemaUpdateNow\nschemaUpdateNow: 1\n-\n\n"
ACCESS = "D:(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;DA)(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;SY)" \
    "(A;;RPLCLORC;;;AU)"


def _object(name, base, kind, lines):
    common = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name)      # ms-Exch-Home-Server-Name
    return "\n".join([f"dn: CN={common},CN=Schema,CN=Configuration,{base}", "changetype: add",
                      "objectClass: top", f"objectClass: {kind}", f"adminDisplayName: {common}",
                      f"lDAPDisplayName: {name}", "showInAdvancedViewOnly: TRUE", *lines]) + "\n\n"


def _attributes(base):
    for i, (name, (syntax, oid, *words)) in enumerate(ATTRIBUTES.items(), 1):
        lines = [f"attributeID: {oid or f'{ARC}.1.{i}'}", f"attributeSyntax: {syntax[0]}",
                 f"oMSyntax: {syntax[1]}", f"isSingleValued: {str(MANY not in words).upper()}",
                 f"searchFlags: {int(INDEXED in words)}", "isMemberOfPartialAttributeSet: TRUE"]
        if syntax == DN:
            lines.append("oMObjectClass:: KwwCh3McAIVK")       # DS-DN
        lines += [f"linkID: {w.split()[1]}" for w in words if w.startswith("link")]
        if name.endswith("BL"):
            lines.append("systemOnly: TRUE")
        yield _object(name, base, "attributeSchema", lines)


def _classes(base):
    for i, (name, (above, category, may, under)) in enumerate(CLASSES.items(), 1):
        yield _object(name, base, "classSchema", [
            f"governsID: {ARC}.2.{i}", f"subClassOf: {above}", f"objectClassCategory: {category}",
            "rDNAttID: cn", f"defaultSecurityDescriptor: {ACCESS}", "defaultHidingValue: TRUE",
            *(f"mayContain: {a}" for a in may.split()),
            *(f"possSuperiors: {c}" for c in under.split())])
        yield RELOAD


def ldif(base):
    """What is to be loaded below DC=..., in this order."""
    schema = f"CN=Schema,CN=Configuration,{base}"
    yield "".join(_attributes(base))
    yield RELOAD
    yield "".join(_classes(base))
    yield f"dn: CN=User,{schema}\nchangetype: modify\nadd: auxiliaryClass\n" \
        "auxiliaryClass: msExchMailStorage\n-\n\n" \
        f"dn: CN=Container,{schema}\nchangetype: modify\nadd: possSuperiors\n" \
        "possSuperiors: msExchExchangeServer\n-\n\n"
    yield RELOAD
