namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>What the products of experts had as input in the step that ran last; there until the next kernel runs.</summary>
internal unsafe interface IExpertInputs
{
    /// <summary>[rows × width]: rows of the gate and the up projection, of which each expert has those of its visits.</summary>
    Activations Input { get; }

    /// <summary>[visits × hidden]: rows of the down projection.</summary>
    Activations Hidden { get; }

    /// <summary>The experts that had rows.</summary>
    ExpertVisits Visits { get; }

    /// <summary>[visits] row of <see cref="Input"/> of each visit.</summary>
    int* VisitRows { get; }
}
