//! What a spec may choose between.

use serde::{Deserialize, Serialize};

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident),* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$inner])* $variant),* }
    };
}

choice! {
    /// Positional embedding.
    Position {
        /// A trained vector per position.
        #[default]
        Learned,
        /// None: full attention is then symmetric under permutations of the positions.
        None
    }
}

choice! {
    /// Normalisation of what attention, MLP and read-out receive.
    Norm {
        /// Layer norm with gain and bias.
        #[default]
        Pre,
        /// The residual stream itself.
        None
    }
}

choice! {
    /// Attention weights from scores `s_tu`.
    Attention {
        /// `A_tu = exp(s_tu) / sum_v exp(s_tv)`.
        #[default]
        Softmax,
        /// `A_tu = s_tu / m_t`, `m_t` the number of positions that `t` sees.
        Linear
    }
}

choice! {
    /// The positions `u` that position `t` sees.
    Mask {
        /// `u <= t`
        #[default]
        Causal,
        /// All.
        Full
    }
}

choice! {
    /// The positions whose logits are outputs.
    Predict {
        /// The last one.
        #[default]
        Last,
        /// All, position by position.
        Every
    }
}
