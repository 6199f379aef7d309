namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>The formats of strings that constraints enforce, as regular expressions over the whole string.</summary>
internal static class Formats
{
    private const string Date = "([0-9]{4}-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|[0-9]{4}-(0[469]|11)-(0[1-9]|[12][0-9]|30)|[0-9]{4}-02-(0[1-9]|1[0-9]|2[0-8])"
        + "|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)";

    private const string Time = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]+)?([zZ]|[+\\-]([01][0-9]|2[0-3]):[0-5][0-9])";
    private const string Byte = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
    private const string IPv4 = $"{Byte}(\\.{Byte}){{3}}";
    private const string Label = "[A-Za-z0-9]([A-Za-z0-9\\-]{0,61}[A-Za-z0-9])?";
    private const string Group = "[0-9A-Fa-f]{1,4}";
    private const string Last = $"({Group}:{Group}|{IPv4})";
    private const string Escape = "%[0-9A-Fa-f]{2}";
    private const string PathCharacter = $"([A-Za-z0-9\\-._~!$&'()*+,;=:@]|{Escape})";
    private const string Local = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\-]+";

    // RFC 4291 and RFC 3986, 3.2.2: groups before and after the one double colon.
    private const string IPv6 = $"(({Group}:){{6}}{Last}|::({Group}:){{5}}{Last}|({Group})?::({Group}:){{4}}{Last}|(({Group}:){{0,1}}{Group})?::({Group}:){{3}}{Last}"
        + $"|(({Group}:){{0,2}}{Group})?::({Group}:){{2}}{Last}|(({Group}:){{0,3}}{Group})?::{Group}:{Last}|(({Group}:){{0,4}}{Group})?::{Last}"
        + $"|(({Group}:){{0,5}}{Group})?::{Group}|(({Group}:){{0,6}}{Group})?::)";

    /// <summary>The expression of a format; null where it is not known.</summary>
    public static string? Find(string name) => name switch
    {
        "date" => Date,
        "time" => Time,
        "date-time" => $"{Date}[tT]{Time}",
        "duration" => "P([0-9]+W|([0-9]+Y([0-9]+M([0-9]+D)?)?|[0-9]+M([0-9]+D)?|[0-9]+D)(T([0-9]+H([0-9]+M([0-9]+S)?)?|[0-9]+M([0-9]+S)?|[0-9]+S))?"
            + "|T([0-9]+H([0-9]+M([0-9]+S)?)?|[0-9]+M([0-9]+S)?|[0-9]+S))",
        "email" => $"({Local}(\\.{Local})*|\"([ !#-\\[\\]-~]|\\\\[ -~])*\")@({Label}(\\.{Label})*|\\[{IPv4}\\]|\\[IPv6:{IPv6}\\])",
        "uuid" => "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
        "ipv4" => IPv4,
        "ipv6" => IPv6,
        "hostname" => $"(?=.{{1,253}}$){Label}(\\.{Label})*",
        "uri" => $"[A-Za-z][A-Za-z0-9+.\\-]*:(//(([A-Za-z0-9\\-._~!$&'()*+,;=:]|{Escape})*@)?(\\[{IPv6}\\]|([A-Za-z0-9\\-._~!$&'()*+,;=]|{Escape})*)(:[0-9]*)?(/{PathCharacter}*)*"
            + $"|/({PathCharacter}+(/{PathCharacter}*)*)?|{PathCharacter}+(/{PathCharacter}*)*|)(\\?({PathCharacter}|[/?])*)?(#({PathCharacter}|[/?])*)?",
        _ => null,
    };
}
