//! Folding a log of records, transactions included: what stands between BeginTransactionRecord and
//! EndTransactionRecord becomes visible at its end, or never (KIP-868).

use wire::record::MetadataRecord;

use crate::image::{Image, ReplayError};

/// An image, and the one being built behind it while a transaction is open.
#[derive(Clone, Debug, Default)]
pub struct Fold {
    visible: Image,
    building: Option<Image>,
}

impl Fold {
    pub fn new(image: Image) -> Fold {
        Fold {
            visible: image,
            building: None,
        }
    }

    /// What is visible: everything, up to an open transaction.
    pub fn image(&self) -> &Image {
        &self.visible
    }

    /// Whether the log ends inside a transaction; its writer must abort it before it writes anything else.
    pub fn in_transaction(&self) -> bool {
        self.building.is_some()
    }

    /// Folds in the record at `offset`, written in `epoch`.
    pub fn replay(&mut self, offset: i64, epoch: i32, record: &MetadataRecord) -> Result<(), ReplayError> {
        match record {
            MetadataRecord::BeginTransaction(_) if self.building.is_some() => {
                return Err(ReplayError::NestedTransaction);
            }
            MetadataRecord::BeginTransaction(_) => self.building = Some(self.visible.clone()),
            MetadataRecord::EndTransaction(_) => {
                let built = self.building.take();
                self.visible = built.ok_or(ReplayError::NoTransaction("EndTransactionRecord"))?;
            }
            MetadataRecord::AbortTransaction(_) => {
                self.building
                    .take()
                    .ok_or(ReplayError::NoTransaction("AbortTransactionRecord"))?;
            }
            record => self
                .building
                .as_mut()
                .unwrap_or(&mut self.visible)
                .replay(record)?,
        }
        self.set_end(offset + 1, epoch);
        Ok(())
    }

    /// Counts an offset that holds nothing for the image, such as a control record.
    pub fn skip(&mut self, offset: i64, epoch: i32) {
        self.set_end(offset + 1, epoch);
    }

    fn set_end(&mut self, end_offset: i64, epoch: i32) {
        if self.building.is_none() {
            self.visible.set_end(end_offset, epoch);
        }
    }
}
