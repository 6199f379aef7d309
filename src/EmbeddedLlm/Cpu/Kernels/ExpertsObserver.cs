namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>Stands behind the kernel of experts and adds up what entered a product of each of them.</summary>
/// <param name="inputs">The kernel before it.</param>
/// <param name="ofHidden">Whether the product is the down projection.</param>
/// <param name="sums">Where to.</param>
internal sealed unsafe class ExpertsObserver(IExpertInputs inputs, bool ofHidden, SquareSums sums) : CpuKernel
{
    public override void Run(int phase, CpuStep step, Worker worker)
    {
        var hidden = inputs.Hidden;
        foreach (var visits in inputs.Visits)
        {
            if (ofHidden)
                sums.Add(visits.Expert, new Activations(hidden.Row(visits.First), hidden.Width), null, visits.Count, worker);
            else
                sums.Add(visits.Expert, inputs.Input, inputs.VisitRows + visits.First, visits.Count, worker);
        }
    }
}
