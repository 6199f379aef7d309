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
    private long _bytes;
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

    /// <summary>Pays for memory. Nothing is ever given back: what a template may still hold is not followed.</summary>
    public void SpendMemory(long bytes)
    {
        _bytes += bytes;
        if (_bytes > Limits.MaxMemory)
            throw new JinjaException($"The template makes values of more than {Limits.MaxMemory} bytes.");
        Spend(bytes / 32);
    }

    /// <summary>Pays for a string before it is built.</summary>
    public void SpendText(long length)
    {
        CheckText(length);
        SpendMemory(32 + 2 * length);
    }

    public void CheckText(long length)
    {
        if (length > Limits.MaxTextLength)
            throw new JinjaException($"The template builds a string of more than {Limits.MaxTextLength} characters.");
    }

    /// <summary>Pays for looking for a string in another, which at worst compares it at every place.</summary>
    public void SpendSearch(string text, string part) => Spend((Math.Max(0L, text.Length - part.Length) + 1) * part.Length / 1024);

    /// <summary>Pays for a list: for itself, and for each item its place and a number to stand there.</summary>
    public void SpendItems(long count)
    {
        CheckItems(count);
        SpendMemory(128 + 32 * count);
    }

    public void CheckItems(long count)
    {
        if (count > Limits.MaxValueSize)
            throw new JinjaException($"The template builds a value of more than {Limits.MaxValueSize} elements.");
    }

    /// <summary>
    /// Size, weight and depth of a new list, tuple or dict, nested ones included. With both bounded when a value is made,
    /// whoever walks it later (printing, comparing, hashing) needs no guard of his own.
    /// </summary>
    public (long Size, long Weight, int Depth) Measure(IEnumerable<object?> items)
    {
        long size = 1, weight = 1;
        var depth = 1;
        foreach (var item in items)
        {
            size++;
            weight += 1 + JinjaOperators.Weight(item);
            if (item is not JinjaContainer container)
                continue;
            size += container.Size;
            depth = Math.Max(depth, container.Depth + 1);
        }
        if (size > Limits.MaxValueSize)
            throw new JinjaException($"The template builds a value of more than {Limits.MaxValueSize} elements.");
        if (depth > Limits.MaxNesting)
            throw new JinjaException($"The template builds a value nested more than {Limits.MaxNesting} levels deep.");
        return (size, weight, depth);
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
        SpendMemory((long)bits / 8);
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
