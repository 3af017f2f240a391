"""Effect sites, and what the drugs at a receptor do together.

Each effect site follows its driving concentration with a first-order lag (ke0). Concentrations count in units of the
drug-naive EC50. Agonists of one receptor add (Loewe); two forms of agonism share one equation,
effect = D^n / (D^n + (1 + L)^n), with drive D and load L summed over the agonists:

* Hill form: D = sum of C / EC50 * exp(-tolerance), L = 0. Tolerance shifts EC50.
* Operational model (Black and Leff 1983, Proc R Soc Lond B 220:141): with x = C / K_A, D = sum of tau x exp(-tolerance),
  L = sum of x. Tolerance removes receptors: a drug of low efficacy (small tau) loses maximum effect, one of high efficacy
  only potency. K_A follows from EC50 and tau, so that both forms agree on EC50 in a drug-naive patient.

Receptors act together by Bliss independence on the effects, and an opioid's drive grows with another receptor's by the Greco
interaction term alpha * sqrt(D1 * D2) (Greco 1990, Cancer Res 50:5318): 0 is no interaction, larger is synergy. So does a local
anesthetic's, in the dorsal horn and at the motor site, with what alpha-2 and GABA-A receptors do in the cord.
"""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import AXIAL, COMPARTMENT, GABA_B, MU, N_NODES, NODES, REGIONS, SODIUM_CHANNEL
from thecal.physiology.life_records import Lever
from thecal.physiology.metabolites import m6g_drive

_ANALGESIA, _CENTRAL = int(Lever.ANALGESIA), int(Lever.CENTRAL)
# The legs' motor neurons (segments L1-S2) lie where the cord ends, at T11-L1 (anatomy.toml, cord.*); their roots run on to S2.
_CORD_END = NODES.index("T11"), NODES.index("L1")
_CORD_END_REGION = REGIONS.index("thoracic"), REGIONS.index("lumbar")


@kernel
def prepare_effect(drug, step, dt_h):
    """Write the share of the gap that each effect site closes in ``dt_h``."""
    step.a_dh = -math.expm1(-drug.ke0_dh * dt_h)
    step.a_bs = -math.expm1(-drug.ke0_bs * dt_h)
    step.a_pl = -math.expm1(-drug.ke0_pl * dt_h)


@kernel
def prepare_agonism(par, drug, slope):
    """Write a drug's drive and load per C / EC50 for the patient's structure (see the module's note)."""
    drug.potency = 1.0
    drug.load = 0.0
    if par.structure == COMPARTMENT:
        ratio = (2.0 + drug.efficacy**slope) ** (1.0 / slope) - 1.0  # K_A / EC50
        drug.potency = drug.efficacy / ratio
        drug.load = 1.0 / ratio


@kernel
def prepare_sites(par):
    """Write the painful nodes and the volumes of the sympathetic and motor sites, so that a substep visits no others."""
    par.pain_first = N_NODES
    par.pain_last = -1
    for i in range(N_NODES):
        if par.w_pain[i] > 0.0:
            par.pain_first = min(par.pain_first, i)
            par.pain_last = i
    par.sym_ml = 0.0
    for i in range(par.sym_first, par.sym_last + 1):
        par.sym_ml += par.v_node[i]
    par.mot_ml = 0.0
    for i in range(par.mot_first, par.mot_last + 1):
        par.mot_ml += par.v_node[i]
    par.mu_channel = -1
    par.block_channel = -1
    for c in range(par.n_channels):
        if par.channel[c].receptor == MU:
            par.mu_channel = c
        if par.channel[c].receptor == SODIUM_CHANNEL:
            par.block_channel = c


@kernel
def painful_concentration(par, state):
    """CSF concentration (µg/mL) over the painful segments, weighted."""
    total = 0.0
    for i in range(par.pain_first, par.pain_last + 1):
        total += par.w_pain[i] * state.csf[i] / par.v_node[i]
    return total


@kernel
def cranial_concentration(par, state):
    """CSF concentration (µg/mL) in the cranial compartment."""
    return state.csf[0] / par.v_node[0]


@kernel
def mean_concentration(state, first, last, volume_ml):
    """CSF concentration (µg/mL) over nodes ``first`` to ``last`` of total volume ``volume_ml``."""
    total = 0.0
    for i in range(first, last + 1):
        total += state.csf[i]
    return total / volume_ml


@kernel
def step_effect_sites(step, state, dorsal, cranial, plasma):
    """Move the effect sites toward the mean concentrations (µg/mL) of the substep."""
    state.ce_dh += step.a_dh * (dorsal - state.ce_dh)
    state.ce_bs += step.a_bs * (cranial - state.ce_bs)
    state.ce_pl += step.a_pl * (plasma - state.ce_pl)


@kernel
def legs_concentration(par, receptor, state):
    """CSF concentration (µg/mL) that the legs see: an agonist at the motor neurons in the cord, a blocker along the roots."""
    if receptor != GABA_B:
        return mean_concentration(state, par.mot_first, par.mot_last, par.mot_ml)
    first, last = _CORD_END if par.structure == AXIAL else _CORD_END_REGION
    volume_ml = 0.0
    for i in range(first, last + 1):
        volume_ml += par.v_node[i]
    return mean_concentration(state, first, last, volume_ml)


@kernel
def step_spinal_sites(par, drug, step, state):
    """Move the sympathetic and motor sites toward the CSF around them."""
    state.ce_sym += step.a_dh * (mean_concentration(state, par.sym_first, par.sym_last, par.sym_ml) - state.ce_sym)
    state.ce_mot += step.a_dh * (legs_concentration(par, par.channel[drug.channel].receptor, state) - state.ce_mot)


@kernel
def power(x, n):
    """``x ** n`` for x >= 0, without the cost of the general function where n is a half of a small whole number."""
    if x <= 0.0:
        return 0.0
    if n == 1.0:
        return x
    if n == 2.0:
        return x * x
    if n == 1.5:
        return x * math.sqrt(x)
    return math.exp(n * math.log(x))


@kernel
def hill(x, slope):
    """Fraction of the largest effect at ``x`` = sum of concentration / (adapted) EC50."""
    p = power(x, slope)
    return p / (1.0 + p)


@kernel
def agonism(drive, load, slope):
    """Fraction of the largest effect at drive D and load L (see the module's note)."""
    top = power(drive, slope)
    return top / (top + (power(1.0 + load, slope) if load > 0.0 else 1.0))


@kernel
def greco(drive, other, alpha):
    """Drive of the first receptor raised by its interaction with the second."""
    return drive + alpha * math.sqrt(drive * other) if alpha != 0.0 else drive


@kernel
def analgesic_shift(par, state, d):
    """Shift of log EC50 of drug ``d``: use before the implant, its own tolerance, and what other drugs of the receptor share."""
    drug = par.drug[d]
    channel = par.channel[drug.channel]
    shift = state.channel[drug.channel].prior
    for e in range(par.n_drugs):
        if par.drug[e].channel == drug.channel:
            own = state.drug[e].tol_fast + state.drug[e].tol_slow
            shift += own if e == d else channel.cross * own
    return drug.tol_share * shift


@kernel
def step_channels(par, state):
    """Sum every drug into the drives of its receptor: dorsal horn, brainstem, sympathetic and motor sites."""
    loads = 0.0
    cord = state.occ_pain * (1.0 + state.life.lever[_ANALGESIA])
    for c in range(par.n_channels):
        channel = state.channel[c]
        channel.drive = 0.0
        channel.exposure = 0.0
        channel.central = 0.0
        channel.depressant = 0.0
        channel.sympathetic = 0.0
        channel.motor = 0.0
        channel.effect = 0.0
    for d in range(par.n_drugs):
        drug = par.drug[d]
        own = state.drug[d]
        channel = state.channel[drug.channel]
        rule = par.channel[drug.channel]
        shift = analgesic_shift(par, state, d)
        kept = math.exp(-shift) if shift != 0.0 else 1.0
        u = own.ce_dh / drug.ec50
        channel.exposure += u
        channel.drive += u * drug.potency * kept * cord
        # The effect holds the sum of the loads until it is evaluated.
        channel.effect += u * drug.load
        central = own.ce_bs / drug.ec50_bs + own.ce_pl / drug.ec50_pl + m6g_drive(drug, own)
        # A brainstem that habituates by itself shares with the cord only the tolerance from before the implant.
        shared = drug.tol_share * channel.prior if rule.habit_gain > 0.0 else shift
        if shared != 0.0:
            central *= math.exp(-rule.resp_tolerance * shared)
        channel.central += central * state.occ_central
        if drug.spinal == 1:
            channel.sympathetic += own.ce_sym / drug.ec50_sym * kept
            channel.motor += own.ce_mot / drug.ec50_mot * kept
    for c in range(par.n_channels):
        channel = state.channel[c]
        channel.own_central = channel.central
        # A sedative or a fever deepens what the drug does; it is no drug to which the brainstem grows accustomed.
        channel.depressant = channel.central * (1.0 + state.life.lever[_CENTRAL])
        # What vessels grow accustomed to (a local anesthetic) is no business of the brainstem's.
        if channel.accustomed > 1.0 and par.channel[c].receptor != SODIUM_CHANNEL:
            channel.depressant /= channel.accustomed
    opioid = par.mu_channel
    if opioid >= 0 and par.n_channels > 1:
        _interact(par, state, opioid)
    if par.block_channel >= 0 and par.n_channels > 1:
        _deepen(par, state, par.block_channel)
    for c in range(par.n_channels):
        channel = state.channel[c]
        loads = channel.effect
        channel.effect = agonism(channel.drive, loads, par.channel[c].hill)


@kernel
def _interact(par, state, opioid):
    """Raise the opioid's drives by their interaction with every other receptor in use."""
    mu = state.channel[opioid]
    drive = mu.drive
    central = mu.central
    depressant = mu.depressant
    for c in range(par.n_channels):
        if c != opioid:
            other = state.channel[c]
            mu.drive += greco(drive, other.drive, par.channel[c].synergy) - drive
            mu.central += greco(central, other.central, par.channel[c].synergy_resp) - central
            mu.depressant += greco(depressant, other.depressant, par.channel[c].synergy_resp) - depressant


@kernel
def _deepen(par, state, blocker):
    """Raise a local anesthetic's drives, sensory and motor, by their interaction with what other receptors do in the cord.

    No motor site of the other drug's own is followed, so that its drive in the dorsal horn stands for both.
    """
    block = state.channel[blocker]
    drive = block.drive
    motor = block.motor
    for c in range(par.n_channels):
        alpha = par.channel[c].synergy_block
        if c != blocker and alpha > 0.0:
            other = state.channel[c].drive
            block.drive += greco(drive, other, alpha) - drive
            block.motor += greco(motor, other, alpha) - motor


@kernel
def relief_of(par, state):
    """Fractions of nociceptive and of neuropathic pain removed: Bliss independence over the receptors."""
    left_noci = 1.0
    left_neuro = 1.0
    for c in range(par.n_channels):
        effect = state.channel[c].effect
        left_noci *= 1.0 - par.channel[c].emax_noci * effect
        left_neuro *= 1.0 - par.channel[c].emax_neuro * effect
    return 1.0 - left_noci, 1.0 - left_neuro
