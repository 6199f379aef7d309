using System.Collections.Concurrent;
using System.Globalization;

namespace EmbeddedLlm.Grammar.Text;

/// <summary>The characters of Unicode's general categories, by their short or long names.</summary>
internal static class UnicodeCategories
{
    private static readonly ConcurrentDictionary<string, CodePoints> Known = new();

    /// <summary>The characters of a category such as <c>L</c>, <c>Letter</c>, <c>Lu</c> or <c>gc=Lu</c>; null where there is none of that name.</summary>
    public static CodePoints? Find(string name)
    {
        var key = name[(name.IndexOf('=') + 1)..];
        if (name.Length != key.Length && name[..^(key.Length + 1)] is not ("gc" or "General_Category"))
            return null;
        if (key is "Any")
            return CodePoints.All;
        if (key is "ASCII")
            return CodePoints.Range(0, 0x7F);
        var categories = Categories(key);
        return categories.Length == 0 ? null : Known.GetOrAdd(key, _ => Collect(categories));
    }

    private static UnicodeCategory[] Categories(string name) => name switch
    {
        "L" or "Letter" => [UnicodeCategory.UppercaseLetter, UnicodeCategory.LowercaseLetter, UnicodeCategory.TitlecaseLetter, UnicodeCategory.ModifierLetter, UnicodeCategory.OtherLetter],
        "LC" or "Cased_Letter" => [UnicodeCategory.UppercaseLetter, UnicodeCategory.LowercaseLetter, UnicodeCategory.TitlecaseLetter],
        "Lu" or "Uppercase_Letter" => [UnicodeCategory.UppercaseLetter],
        "Ll" or "Lowercase_Letter" => [UnicodeCategory.LowercaseLetter],
        "Lt" or "Titlecase_Letter" => [UnicodeCategory.TitlecaseLetter],
        "Lm" or "Modifier_Letter" => [UnicodeCategory.ModifierLetter],
        "Lo" or "Other_Letter" => [UnicodeCategory.OtherLetter],
        "M" or "Mark" or "Combining_Mark" => [UnicodeCategory.NonSpacingMark, UnicodeCategory.SpacingCombiningMark, UnicodeCategory.EnclosingMark],
        "Mn" or "Nonspacing_Mark" => [UnicodeCategory.NonSpacingMark],
        "Mc" or "Spacing_Mark" => [UnicodeCategory.SpacingCombiningMark],
        "Me" or "Enclosing_Mark" => [UnicodeCategory.EnclosingMark],
        "N" or "Number" => [UnicodeCategory.DecimalDigitNumber, UnicodeCategory.LetterNumber, UnicodeCategory.OtherNumber],
        "Nd" or "Decimal_Number" or "digit" => [UnicodeCategory.DecimalDigitNumber],
        "Nl" or "Letter_Number" => [UnicodeCategory.LetterNumber],
        "No" or "Other_Number" => [UnicodeCategory.OtherNumber],
        "P" or "Punctuation" or "punct" =>
        [
            UnicodeCategory.ConnectorPunctuation, UnicodeCategory.DashPunctuation, UnicodeCategory.OpenPunctuation, UnicodeCategory.ClosePunctuation,
            UnicodeCategory.InitialQuotePunctuation, UnicodeCategory.FinalQuotePunctuation, UnicodeCategory.OtherPunctuation,
        ],
        "Pc" or "Connector_Punctuation" => [UnicodeCategory.ConnectorPunctuation],
        "Pd" or "Dash_Punctuation" => [UnicodeCategory.DashPunctuation],
        "Ps" or "Open_Punctuation" => [UnicodeCategory.OpenPunctuation],
        "Pe" or "Close_Punctuation" => [UnicodeCategory.ClosePunctuation],
        "Pi" or "Initial_Punctuation" => [UnicodeCategory.InitialQuotePunctuation],
        "Pf" or "Final_Punctuation" => [UnicodeCategory.FinalQuotePunctuation],
        "Po" or "Other_Punctuation" => [UnicodeCategory.OtherPunctuation],
        "S" or "Symbol" => [UnicodeCategory.MathSymbol, UnicodeCategory.CurrencySymbol, UnicodeCategory.ModifierSymbol, UnicodeCategory.OtherSymbol],
        "Sm" or "Math_Symbol" => [UnicodeCategory.MathSymbol],
        "Sc" or "Currency_Symbol" => [UnicodeCategory.CurrencySymbol],
        "Sk" or "Modifier_Symbol" => [UnicodeCategory.ModifierSymbol],
        "So" or "Other_Symbol" => [UnicodeCategory.OtherSymbol],
        "Z" or "Separator" => [UnicodeCategory.SpaceSeparator, UnicodeCategory.LineSeparator, UnicodeCategory.ParagraphSeparator],
        "Zs" or "Space_Separator" => [UnicodeCategory.SpaceSeparator],
        "Zl" or "Line_Separator" => [UnicodeCategory.LineSeparator],
        "Zp" or "Paragraph_Separator" => [UnicodeCategory.ParagraphSeparator],
        "Cc" or "Control" or "cntrl" => [UnicodeCategory.Control],
        "Cf" or "Format" => [UnicodeCategory.Format],
        "Co" or "Private_Use" => [UnicodeCategory.PrivateUse],
        "Cn" or "Unassigned" => [UnicodeCategory.OtherNotAssigned],
        _ => [],
    };

    private static CodePoints Collect(UnicodeCategory[] categories)
    {
        var ranges = new List<(int, int)>();
        for (var value = 0; value <= CodePoints.Max; value++)
        {
            if (Array.IndexOf(categories, CharUnicodeInfo.GetUnicodeCategory(value)) < 0)
                continue;
            if (ranges.Count > 0 && ranges[^1].Item2 == value - 1)
                ranges[^1] = (ranges[^1].Item1, value);
            else
                ranges.Add((value, value));
        }
        return CodePoints.Of(ranges);
    }
}
