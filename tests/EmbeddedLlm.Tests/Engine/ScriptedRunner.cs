using System.Runtime.InteropServices;
using EmbeddedLlm.Backends;

namespace EmbeddedLlm.Tests.Engine;

/// <summary>
/// A runner without a model: its KV memory holds token ids, and the logits of a row are a function of all tokens that the row sees through
/// its blocks. So a wrong block, position, copy or share changes what comes out, and what no runner could bear throws. With state slots it is recurrent:
/// a state is the tokens that it is behind, and must be those that the blocks hold.
/// </summary>
internal sealed class ScriptedRunner(int vocabulary, int kvBlocks, int blockTokens, ScriptedRunner.Script? script = null, int stateSlots = 0) : IModelRunner
{
    /// <summary>Writes the logits that follow after these tokens.</summary>
    public delegate void Script(ReadOnlySpan<int> tokens, Span<float> logits);

    private const int Empty = -1;
    private readonly Script _script = script ?? Hashed;
    private readonly int[] _memory = [.. Enumerable.Repeat(Empty, kvBlocks * blockTokens)];     // [kvBlocks × blockTokens]
    private readonly int[][] _states = [.. Enumerable.Repeat<int[]>([Empty], stateSlots)];
    private int _isRunning;

    /// <summary>Called, on the engine's thread, before a batch runs; may throw or block.</summary>
    public Action<ScriptedRunner>? BeforeRun { get; set; }

    /// <summary>Called before a block is copied; may throw.</summary>
    public Action<ScriptedRunner>? BeforeCopy { get; set; }

    public int KvBlocks => kvBlocks;

    /// <summary>Batches run.</summary>
    public int Runs { get; private set; }

    /// <summary>Rows run, in all batches.</summary>
    public int Rows { get; private set; }

    public int Copies { get; private set; }

    public int StateCopies { get; private set; }

    /// <summary>The slices of each batch: rows and past.</summary>
    public List<(int Rows, int Past)[]> Batches { get; } = [];

    public bool IsDisposed { get; private set; }

    public void Run(in Batch batch, Span<float> logits)
    {
        Require(!IsDisposed, "The runner is disposed.");
        Require(Interlocked.Exchange(ref _isRunning, 1) == 0, "Two callers at a time.");
        try
        {
            Runs++;
            BeforeRun?.Invoke(this);
            Rows += batch.Tokens.Length;
            var slices = new (int, int)[batch.Slices.Length];
            for (var i = 0; i < slices.Length; i++)
                slices[i] = (batch.Slices[i].Rows, batch.Slices[i].Past);
            Batches.Add(slices);
            Check(batch, logits.Length);
            Write(batch);
            if (stateSlots > 0)
                WriteStates(batch);
            Read(batch, logits);
        }
        finally
        {
            _isRunning = 0;
        }
    }

    public void CopyKvBlock(int from, int to)
    {
        BeforeCopy?.Invoke(this);
        Copies++;
        _memory.AsSpan(from * blockTokens, blockTokens).CopyTo(_memory.AsSpan(to * blockTokens));
    }

    /// <summary>Null for a runner whose blocks cannot be read.</summary>
    public string? KvLayout { get; set; } = "scripted/1";

    public int KvBlockBytes => blockTokens * sizeof(int);

    public void ReadKvBlock(int block, int positions, Span<byte> bytes)
    {
        BeforeCopy?.Invoke(this);
        Require(Volatile.Read(ref _isRunning) == 0, "A block is read while a batch runs.");
        var read = _memory.AsSpan(block * blockTokens, positions);
        Require(!read.Contains(Empty), "A position is read that was never written.");
        bytes.Clear();
        MemoryMarshal.AsBytes(read).CopyTo(bytes);
    }

    public void WriteKvBlock(int block, ReadOnlySpan<byte> bytes)
    {
        BeforeCopy?.Invoke(this);
        Require(Volatile.Read(ref _isRunning) == 0, "A block is written while a batch runs.");
        bytes.CopyTo(MemoryMarshal.AsBytes(_memory.AsSpan(block * blockTokens, blockTokens)));
    }

    public void CopyState(int from, int to)
    {
        BeforeCopy?.Invoke(this);
        StateCopies++;
        _states[to] = _states[from];
    }

    public void Dispose() => IsDisposed = true;

    /// <summary>Logits that look random and depend on every token.</summary>
    public static void Hashed(ReadOnlySpan<int> tokens, Span<float> logits)
    {
        var state = 14695981039346656037UL;
        foreach (var token in tokens)
            state = (state ^ (uint)(token + 1)) * 1099511628211UL;
        for (var i = 0; i < logits.Length; i++)
        {
            state += 0x9E3779B97F4A7C15;
            var mixed = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
            logits[i] = ((mixed ^ (mixed >> 27)) >> 40) * (8f / (1 << 24));
        }
    }

    /// <summary>A script that goes on from a prompt of any length with given tokens, one after the other, by the position.</summary>
    public static Script Forced(int promptTokens, params int[] answer) => (tokens, logits) =>
    {
        logits.Clear();
        logits[answer[Math.Min(tokens.Length - promptTokens, answer.Length - 1)]] = 100;
    };

    private void Check(in Batch batch, int logits)
    {
        Require(batch.Tokens.Length > 0 && batch.OutputRows.Length * vocabulary == logits, "The sizes do not match.");
        var rows = 0;
        var writers = new Dictionary<int, int>();
        for (var i = 0; i < batch.Slices.Length; i++)
        {
            var slice = batch.Slices[i];
            Require(slice.Rows > 0 && slice.Past >= 0 && slice.KvCount * blockTokens >= slice.Past + slice.Rows, "A slice does not fit its blocks.");
            rows += slice.Rows;
            for (var position = slice.Past; position < slice.Past + slice.Rows; position++)
                Require(writers.TryAdd(batch.KvBlocks[slice.KvStart + position / blockTokens], i)
                    || writers[batch.KvBlocks[slice.KvStart + position / blockTokens]] == i, "Two sequences write to one block.");
        }
        Require(rows == batch.Tokens.Length, "The slices do not cover the rows.");
        for (var i = 0; i < batch.Slices.Length; i++)
            foreach (var block in batch.KvBlocks.Slice(batch.Slices[i].KvStart, batch.Slices[i].KvCount))
                Require(!writers.TryGetValue(block, out var writer) || writer == i, "A block is written to that another sequence holds.");
        for (var i = 0; i < batch.OutputRows.Length; i++)
            Require(batch.OutputRows[i] < rows && (i == 0 || batch.OutputRows[i] > batch.OutputRows[i - 1]), "The output rows are out of order.");
    }

    private void Write(in Batch batch)
    {
        var row = 0;
        foreach (var slice in batch.Slices)
            for (var position = slice.Past; position < slice.Past + slice.Rows; position++)
                _memory[Slot(batch, slice, position)] = batch.Tokens[row++];
    }

    // The state that a slice reads must be that of its sequence at its past; no slice reads or writes what another writes.
    private void WriteStates(in Batch batch)
    {
        var before = _states.ToArray();
        var written = new HashSet<int>();
        foreach (var slice in batch.Slices)
            Require(written.Add(slice.StateTo), "Two sequences write to one state.");
        foreach (var slice in batch.Slices)
        {
            var tokens = new int[slice.Past + slice.Rows];
            for (var position = 0; position < tokens.Length; position++)
                tokens[position] = _memory[Slot(batch, slice, position)];
            if (slice.Past > 0)
            {
                Require(slice.StateFrom == slice.StateTo || !written.Contains(slice.StateFrom), "A state is read that another sequence writes.");
                Require(before[slice.StateFrom].AsSpan().SequenceEqual(tokens.AsSpan(0, slice.Past)), "A state is not that of its sequence.");
            }

            _states[slice.StateTo] = tokens;
        }
    }

    private void Read(in Batch batch, Span<float> logits)
    {
        var (first, output) = (0, 0);
        foreach (var slice in batch.Slices)
        {
            for (; output < batch.OutputRows.Length && batch.OutputRows[output] < first + slice.Rows; output++)
            {
                var seen = new int[slice.Past + batch.OutputRows[output] - first + 1];
                for (var position = 0; position < seen.Length; position++)
                {
                    seen[position] = _memory[Slot(batch, slice, position)];
                    Require(seen[position] != Empty, "A position is read that was never written.");
                }
                _script(seen, logits.Slice(output * vocabulary, vocabulary));
            }
            first += slice.Rows;
        }
    }

    private int Slot(in Batch batch, BatchSlice slice, int position)
        => batch.KvBlocks[slice.KvStart + position / blockTokens] * blockTokens + position % blockTokens;

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new InvalidOperationException(message);
    }
}
