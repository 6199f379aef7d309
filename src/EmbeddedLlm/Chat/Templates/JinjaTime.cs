using System.Globalization;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>Python's <c>strftime</c> for a time without zone, in the C locale.</summary>
internal static class JinjaTime
{
    public static string Format(JinjaBudget budget, DateTimeOffset time, string format)
    {
        var to = new JinjaTextBuilder(budget);
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                to.Append(format[i]);
                continue;
            }
            // The C library's flags: - no padding, _ blanks, 0 zeros, ^ capitals.
            var flag = format[i + 1] is '-' or '_' or '0' or '^' && i + 2 < format.Length ? format[++i + 1] : '\0';
            flag = flag == '\0' ? flag : format[i];
            var code = format[++i];
            to.Append(Field(budget, time.DateTime, code, flag) ?? (flag == '\0' ? $"%{code}" : $"%{flag}{code}"));
        }
        return to.ToString();
    }

    private static string? Field(JinjaBudget budget, DateTime time, char code, char flag)
    {
        var hour12 = time.Hour % 12 == 0 ? 12 : time.Hour % 12;
        var weekday = (int)time.DayOfWeek;
        return code switch
        {
            'd' => Number(time.Day),
            'e' => Number(time.Day, pad: ' '),
            'm' => Number(time.Month),
            'y' => Number(time.Year % 100),
            'C' => Number(time.Year / 100),
            'Y' => Number(time.Year, 1),
            'H' => Number(time.Hour),
            'k' => Number(time.Hour, pad: ' '),
            'I' => Number(hour12),
            'l' => Number(hour12, pad: ' '),
            'M' => Number(time.Minute),
            'S' => Number(time.Second),
            'f' => Number((int)(time.Ticks % TimeSpan.TicksPerSecond / 10), 6),
            'j' => Number(time.DayOfYear, 3),
            'U' => Number((time.DayOfYear + 6 - weekday) / 7),
            'W' => Number((time.DayOfYear + 6 - (weekday + 6) % 7) / 7),
            'V' => Number(ISOWeek.GetWeekOfYear(time)),
            'G' => Number(ISOWeek.GetYear(time), 1),
            'g' => Number(ISOWeek.GetYear(time) % 100),
            'u' => Number(weekday == 0 ? 7 : weekday, 1),
            'w' => Number(weekday, 1),
            'a' => Name(CultureInfo.InvariantCulture.DateTimeFormat.AbbreviatedDayNames[weekday]),
            'A' => Name(CultureInfo.InvariantCulture.DateTimeFormat.DayNames[weekday]),
            'b' or 'h' => Name(CultureInfo.InvariantCulture.DateTimeFormat.AbbreviatedMonthNames[time.Month - 1]),
            'B' => Name(CultureInfo.InvariantCulture.DateTimeFormat.MonthNames[time.Month - 1]),
            'p' => Name(time.Hour < 12 ? "AM" : "PM"),
            'P' => time.Hour < 12 ? "am" : "pm",
            's' => ((long)(time - DateTime.UnixEpoch).TotalSeconds).ToString(CultureInfo.InvariantCulture),
            'c' => Whole("%a %b %e %H:%M:%S %Y"),
            'x' or 'D' => Whole("%m/%d/%y"),
            'X' or 'T' => Whole("%H:%M:%S"),
            'F' => Whole("%Y-%m-%d"),
            'R' => Whole("%H:%M"),
            'r' => Whole("%I:%M:%S %p"),
            'z' or 'Z' => "",
            'n' => "\n",
            't' => "\t",
            '%' => "%",
            _ => null,
        };

        string Number(int value, int width = 2, char pad = '0')
        {
            var text = value.ToString(CultureInfo.InvariantCulture);
            return flag == '-' ? text : text.PadLeft(width, flag switch { '_' => ' ', '0' => '0', _ => pad });
        }

        string Name(string name) => flag == '^' ? name.ToUpperInvariant() : name;

        string Whole(string format) => Format(budget, new(time, TimeSpan.Zero), format);
    }
}
