using System.Numerics;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>What is left of the limits while one template renders. Everything that is built or walked is paid for here.</summary>
internal sealed class JinjaBudget(JinjaLimits limits, TimeProvider time, CancellationToken cancellation)
{
    private const int StepsBetweenChecks = 2048;
    private const int MaxIntegerBits = 1 << 15;

    private readonly long _start = time.GetTimestamp();
    private long _steps;
    private long _nextCheck;
    private int _callDepth;
    private int _walkDepth;

    public JinjaLimits Limits { get; } = limits;

    public TimeProvider Time { get; } = time;

    public void Spend(long steps = 1)
    {
        _steps += steps;
        if (_steps > Limits.MaxSteps)
            throw new JinjaException($"The template needs more than {Limits.MaxSteps} steps.");
        if (_steps < _nextCheck)
            return;
        _nextCheck = _steps + StepsBetweenChecks;
        cancellation.ThrowIfCancellationRequested();
        if (Time.GetElapsedTime(_start) > Limits.TimeLimit)
            throw new JinjaException($"The template renders for more than {Limits.TimeLimit.TotalSeconds} seconds.");
    }

    /// <summary>Pays for a string before it is built.</summary>
    public void SpendText(long length)
    {
        if (length > Limits.MaxTextLength)
            throw new JinjaException($"The template builds a string of more than {Limits.MaxTextLength} characters.");
        Spend(length / 16);
    }

    /// <summary>Pays for looking for a string in another, which at worst compares it at every place.</summary>
    public void SpendSearch(string text, string part) => Spend((long)text.Length * Math.Min(part.Length, text.Length) / 4096);

    /// <summary>Pays for the places of a list before they are filled.</summary>
    public void SpendItems(long count)
    {
        if (count > Limits.MaxValueSize)
            throw new JinjaException($"The template builds a value of more than {Limits.MaxValueSize} elements.");
        Spend(count / 4);
    }

    /// <summary>
    /// Size and depth of a new list, tuple or dict, nested ones included. With both bounded when a value is made,
    /// whoever walks it later (printing, comparing, hashing) needs no guard of his own.
    /// </summary>
    public (long Size, int Depth) Measure(IEnumerable<object?> items)
    {
        long size = 1;
        var depth = 1;
        foreach (var item in items)
        {
            size++;
            if (item is not JinjaContainer container)
                continue;
            size += container.Size;
            depth = Math.Max(depth, container.Depth + 1);
        }
        if (size > Limits.MaxValueSize)
            throw new JinjaException($"The template builds a value of more than {Limits.MaxValueSize} elements.");
        if (depth > Limits.MaxNesting)
            throw new JinjaException($"The template builds a value nested more than {Limits.MaxNesting} levels deep.");
        return (size, depth);
    }

    /// <summary>An integer as value, not too long.</summary>
    public object Integer(BigInteger value)
    {
        CheckBits(value.GetBitLength());
        return JinjaNumbers.OneForm(value);
    }

    public void CheckBits(double bits)
    {
        if (bits > MaxIntegerBits)
            throw new JinjaException($"The template computes an integer of more than {MaxIntegerBits} bits.");
        Spend((long)bits / 256);
    }

    public void EnterCall()
    {
        if (++_callDepth > Limits.MaxCallDepth)
            throw new JinjaException($"The template calls macros more than {Limits.MaxCallDepth} levels deep.");
    }

    public void LeaveCall() => _callDepth--;

    public void EnterWalk()
    {
        if (++_walkDepth > Limits.MaxNesting)
            throw new JinjaException($"The template chains more than {Limits.MaxNesting} generators.");
    }

    public void LeaveWalk() => _walkDepth--;
}
