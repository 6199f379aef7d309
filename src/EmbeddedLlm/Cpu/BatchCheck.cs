using EmbeddedLlm.Backends;

namespace EmbeddedLlm.Cpu;

/// <summary>Refuses a batch that does not hold together, before anything is computed or written.</summary>
internal sealed class BatchCheck(RunnerOptions options, int vocabulary, int positions, bool needsWholeTexts, bool hasStates, int logitsWidth)
{
    private readonly bool[] _states = new bool[hasStates ? options.StateSlots : 0];     // written by a slice of this batch; false between batches
    private readonly bool[] _written = new bool[options.KvBlocks];      // by a slice of this batch; false between batches

    /// <summary>Throws unless the batch is within the limits that the runner was made for.</summary>
    /// <exception cref="ArgumentException">It is not; the message says what, expected and found.</exception>
    public void Require(in Batch batch, Span<float> logits)
    {
        RequireTokens(batch.Tokens);
        RequireSlices(batch);
        if (hasStates)
            RequireStates(batch.Slices);
        RequireOutputs(batch, logits);
    }

    private void RequireTokens(ReadOnlySpan<int> tokens)
    {
        if (tokens.IsEmpty || tokens.Length > options.MaxBatchRows)
            throw new ArgumentException($"A batch has 1 to {options.MaxBatchRows} rows, not {tokens.Length}.", nameof(tokens));
        foreach (var token in tokens)
        {
            if ((uint)token >= (uint)vocabulary)
                throw new ArgumentException($"Token {token} is outside of the vocabulary of {vocabulary}.", nameof(tokens));
        }
    }

    private void RequireSlices(in Batch batch)
    {
        var checkedSlices = 0;
        try
        {
            var rows = 0L;
            foreach (ref readonly var slice in batch.Slices)
            {
                if (slice.Rows < 1 || slice.Past < 0 || slice.Past > int.MaxValue - slice.Rows || slice.KvStart < 0 || slice.KvCount < 0)
                    throw new ArgumentException($"Slice {checkedSlices} is not valid: {slice}.", nameof(batch));
                if ((long)slice.KvStart + slice.KvCount > batch.KvBlocks.Length)
                    throw new ArgumentException($"Slice {checkedSlices} names blocks {slice.KvStart} … {slice.KvStart + (long)slice.KvCount - 1} of {batch.KvBlocks.Length}.", nameof(batch));
                if ((long)slice.KvCount * options.KvBlockTokens < (long)slice.Past + slice.Rows)
                    throw new ArgumentException($"Slice {checkedSlices} has {slice.KvCount} blocks of {options.KvBlockTokens} for {slice.Past} + {slice.Rows} positions.", nameof(batch));
                if (slice.Past != 0 && needsWholeTexts)
                    throw new ArgumentException($"Slice {checkedSlices} begins at position {slice.Past}; this model reads whole texts.", nameof(batch));
                if (slice.Past > positions - slice.Rows)
                    throw new ArgumentException($"Slice {checkedSlices} has {slice.Past} + {slice.Rows} positions, the model knows {positions}.", nameof(batch));
                rows += slice.Rows;
                checkedSlices++;
                RequireBlocks(batch.KvBlocks, slice);
            }

            if (rows != batch.Tokens.Length)
                throw new ArgumentException($"The slices have {rows} rows, the batch has {batch.Tokens.Length} tokens.", nameof(batch));
        }
        finally
        {
            for (var slice = 0; slice < checkedSlices; slice++)
                Forget(batch.KvBlocks, batch.Slices[slice]);
        }
    }

    private void RequireStates(ReadOnlySpan<BatchSlice> slices)
    {
        Array.Clear(_states);
        for (var i = 0; i < slices.Length; i++)
        {
            if ((uint)slices[i].StateTo >= (uint)options.StateSlots || (slices[i].Past > 0 && (uint)slices[i].StateFrom >= (uint)options.StateSlots))
                throw new ArgumentException($"Slice {i} reads state {slices[i].StateFrom} and writes state {slices[i].StateTo}; there are {options.StateSlots}.", nameof(slices));
            if (_states[slices[i].StateTo])
                throw new ArgumentException($"State {slices[i].StateTo} would be written twice in one batch.", nameof(slices));
            _states[slices[i].StateTo] = true;
        }

        for (var i = 0; i < slices.Length; i++)
        {
            if (slices[i].Past > 0 && slices[i].StateFrom != slices[i].StateTo && _states[slices[i].StateFrom])
                throw new ArgumentException($"State {slices[i].StateFrom}, which slice {i} reads, would be written by another in one batch.", nameof(slices));
        }
    }

    private void RequireBlocks(ReadOnlySpan<int> blocks, in BatchSlice slice)
    {
        var firstWritten = slice.Past / options.KvBlockTokens;
        var used = (slice.Past + slice.Rows - 1) / options.KvBlockTokens + 1;
        for (var i = 0; i < used; i++)
        {
            var block = blocks[slice.KvStart + i];
            if ((uint)block >= (uint)options.KvBlocks)
                throw new ArgumentException($"KV block {block} does not exist; there are {options.KvBlocks}.", nameof(blocks));
            if (i < firstWritten)
                continue;
            if (_written[block])
                throw new ArgumentException($"KV block {block} would be written twice in one batch.", nameof(blocks));
            _written[block] = true;
        }
    }

    private void Forget(ReadOnlySpan<int> blocks, in BatchSlice slice)
    {
        var used = (slice.Past + slice.Rows - 1) / options.KvBlockTokens + 1;
        for (var i = slice.Past / options.KvBlockTokens; i < used; i++)
        {
            if ((uint)blocks[slice.KvStart + i] < (uint)options.KvBlocks)
                _written[blocks[slice.KvStart + i]] = false;
        }
    }

    private void RequireOutputs(in Batch batch, Span<float> logits)
    {
        if (batch.OutputRows.Length > options.MaxOutputRows)
            throw new ArgumentException($"A batch has at most {options.MaxOutputRows} output rows, not {batch.OutputRows.Length}.", nameof(batch));
        var last = -1;
        foreach (var row in batch.OutputRows)
        {
            if (row <= last || row >= batch.Tokens.Length)
                throw new ArgumentException($"Output row {row} behind {last} is not ascending within the {batch.Tokens.Length} rows.", nameof(batch));
            last = row;
        }

        if (logits.Length < (long)batch.OutputRows.Length * logitsWidth)
            throw new ArgumentException($"{batch.OutputRows.Length} rows of logits need {(long)batch.OutputRows.Length * logitsWidth} numbers, not {logits.Length}.", nameof(logits));
    }
}
